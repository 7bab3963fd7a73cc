{{
    config(
        materialized="fact",
        key="order_line_id",
        events="stg_order_line__added",
        day="added_date",
        tags=["daily"],
    )
}}

with
    last_added as ({{ factlog.first_or_last_event("stg_order_line__added", "order_line_id", "last") }}),

    final as (
        select
            order_line_id,
            order_id,
            event_date as added_date,
            product_id,
            quantity,
            unit_price_minor,
            quantity * unit_price_minor as amount_minor
        from last_added
    )

select *
from final

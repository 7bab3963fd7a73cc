-- The key is no object's id: the events are of lines. A line that is voided, or that moves to another
-- order, rederives
-- the order that it was counted on as well.
{{ config(materialized="fact", key="order_id", events="stg_order_line__added") }}

with
    last_added as (
        {{ factlog.first_or_last_event("stg_order_line__added", "order_id", "last", per="order_line_id") }}
    ),

    final as (
        select
            order_id, count(*) as line_count, cast(sum(quantity * unit_price_minor) as bigint) as goods_minor
        from last_added
        group by order_id
    )

select *
from final

with
    events as (select * from {{ source("events", "order_line_added") }}),

    final as (
        select
            object_id as order_line_id,
            {{ factlog.event_columns() }},
            data.order_id,
            data.product_id,
            data.quantity,
            data.unit_price_minor
        from events
    )

select *
from final

with
    events as (select * from {{ source("events", "payment_refunded") }}),

    final as (
        select
            object_id as payment_id,
            {{ factlog.event_columns() }},
            data.order_id,
            data.amount_minor,
            data.currency
        from events
    )

select *
from final

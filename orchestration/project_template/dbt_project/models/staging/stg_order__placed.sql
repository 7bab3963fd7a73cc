with
    events as (select * from {{ source("events", "order_placed") }}),

    final as (
        select
            object_id as order_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.amount_minor,
            data.currency
        from events
    )

select *
from final

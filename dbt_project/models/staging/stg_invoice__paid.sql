with
    events as (select * from {{ source("events", "invoice_paid") }}),

    final as (
        select
            object_id as invoice_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.payment_id,
            data.amount_minor,
            data.currency,
            data.method
        from events
    )

select *
from final

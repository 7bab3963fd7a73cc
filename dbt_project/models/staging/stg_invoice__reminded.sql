with
    events as (select * from {{ source("events", "invoice_reminded") }}),

    final as (
        select
            object_id as invoice_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.reminder_number,
            data.open_minor,
            data.currency
        from events
    )

select *
from final

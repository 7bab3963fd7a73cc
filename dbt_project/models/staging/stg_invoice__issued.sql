with
    events as (select * from {{ source("events", "invoice_issued") }}),

    final as (
        select
            object_id as invoice_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.period_start as period_start_date,
            data.period_end as period_end_date,
            data.due_date,
            data.currency,
            data.total_minor,
            data.lines
        from events
    )

select *
from final

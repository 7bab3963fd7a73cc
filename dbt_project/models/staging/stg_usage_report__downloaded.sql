with
    events as (select * from {{ source("events", "usage_report_downloaded") }}),

    final as (
        select
            object_id as usage_report_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.period_start as period_start_date,
            data.period_end as period_end_date,
            data.file_format,
            data.session_id
        from events
    )

select *
from final

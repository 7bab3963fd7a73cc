with
    events as (select * from {{ source("events", "payout_sent") }}),

    final as (
        select
            object_id as payout_id,
            {{ factlog.event_columns() }},
            data.editor_id,
            data.period_start as period_start_date,
            data.period_end as period_end_date,
            data.translation_count,
            data.word_count,
            data.total_minor,
            data.currency
        from events
    )

select *
from final

with
    events as (select * from {{ source("events", "translation_requested") }}),

    final as (
        select
            object_id as translation_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.document_id,
            data.source_language,
            data.target_language,
            data.word_count,
            data.service_level,
            data.channel,
            data.wanted_by as wanted_at
        from events
    )

select *
from final

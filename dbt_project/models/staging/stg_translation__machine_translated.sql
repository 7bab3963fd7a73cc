with
    events as (select * from {{ source("events", "translation_machine_translated") }}),

    final as (
        select
            object_id as translation_id,
            {{ factlog.event_columns() }},
            data.engine_id,
            data.engine_version,
            data.word_count,
            data.duration_ms,
            data.confidence
        from events
    )

select *
from final

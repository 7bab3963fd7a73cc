with
    events as (select * from {{ source("events", "translation_edited") }}),

    final as (
        select
            object_id as translation_id,
            {{ factlog.event_columns() }},
            data.editor_id,
            data.started_at,
            data.word_count,
            data.words_changed,
            data.fee_minor,
            data.currency
        from events
    )

select *
from final

with
    events as (select * from {{ source("events", "translation_assigned") }}),

    final as (
        select object_id as translation_id, {{ factlog.event_columns() }}, data.editor_id, data.due_at
        from events
    )

select *
from final

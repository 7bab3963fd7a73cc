with
    events as (select * from {{ source("events", "translation_quality_scored") }}),

    final as (
        select
            object_id as translation_id,
            {{ factlog.event_columns() }},
            data.engine_id,
            data.engine_version,
            data.metric,
            cast(data.score as decimal(9, 6)) as score
        from events
    )

select *
from final

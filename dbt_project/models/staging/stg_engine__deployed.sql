with
    events as (select * from {{ source("events", "engine_deployed") }}),

    final as (
        select
            object_id as engine_id,
            {{ factlog.event_columns() }},
            data.version as engine_version,
            data.previous_version as previous_engine_version,
            data.released_on as released_date,
            cast(data.cost_per_million_words * 100 as bigint) as cost_per_million_words_minor,
            'EUR' as currency
        from events
    )

select *
from final

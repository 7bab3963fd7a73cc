with
    events as (select * from {{ source("events", "wiki_edited") }}),

    final as (
        select
            object_id as wiki_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org,
            data.pages
        from events
    )

select *
from final

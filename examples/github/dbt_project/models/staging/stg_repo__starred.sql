with
    events as (select * from {{ source("events", "repo_starred") }}),

    final as (
        select
            object_id as repo_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org
        from events
    )

select *
from final

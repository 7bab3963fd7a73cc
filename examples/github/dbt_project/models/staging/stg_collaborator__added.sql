with
    events as (select * from {{ source("events", "collaborator_added") }}),

    final as (
        select
            object_id as collaborator_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org
        from events
    )

select *
from final

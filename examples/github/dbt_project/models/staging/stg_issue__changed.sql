with
    events as (select * from {{ source("events", "issue_changed") }}),

    final as (
        select
            object_id as issue_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org,
            data.action
        from events
    )

select *
from final

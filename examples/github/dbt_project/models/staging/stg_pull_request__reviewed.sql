with
    events as (select * from {{ source("events", "pull_request_reviewed") }}),

    final as (
        select
            object_id as pull_request_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org
        from events
    )

select *
from final

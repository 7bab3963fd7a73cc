with
    events as (select * from {{ source("events", "ref_created") }}),

    final as (
        select
            object_id as ref_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org,
            data.ref_type,
            data.ref,
            data.default_branch,
            data.description,
            data.pusher_type
        from events
    )

select *
from final

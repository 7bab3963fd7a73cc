with
    events as (select * from {{ source("events", "ref_deleted") }}),

    final as (
        select
            object_id as ref_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org,
            data.ref_type,
            data.ref,
            data.pusher_type
        from events
    )

select *
from final

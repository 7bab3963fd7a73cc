with
    events as (select * from {{ source("events", "commit_annotated") }}),

    final as (
        select
            object_id as commit_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org,
            data.commit_sha,
            data.path,
            data.line,
            data."position"
        from events
    )

select *
from final

with
    events as (select * from {{ source("events", "repo_pushed") }}),

    final as (
        select
            object_id as repo_id,
            {{ factlog.event_columns() }},
            data.actor_id as data_actor_id,
            data.repo,
            data.org,
            data.push_id,
            data.ref,
            data.head_sha,
            data.before_sha,
            data.commit_count,
            data.distinct_commit_count
        from events
    )

select *
from final

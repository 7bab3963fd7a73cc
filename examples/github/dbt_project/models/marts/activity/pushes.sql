{{ config(materialized="fact", key="push_id", events="stg_repo__pushed", day="pushed_date", tags=["daily"]) }}

with
    last_pushed as ({{ factlog.first_or_last_event("stg_repo__pushed", "push_id", "last") }}),

    final as (
        select
            push_id,
            repo_id as repository,
            actor_id as pushed_by,
            occurred_at as pushed_at,
            event_date as pushed_date,
            distinct_commit_count
        from last_pushed
    )

select *
from final

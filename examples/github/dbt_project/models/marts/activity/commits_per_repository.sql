select
    repository,
    pushed_date,
    count(*) as push_count,
    count(distinct pushed_by) as people,
    cast(sum(distinct_commit_count) as bigint) as commit_count
from {{ ref("pushes") }}
group by all

{{ config(severity="warn") }}

-- Only a warning: a missing version is an event that was lost or is late, and the rest of the log is true
-- without it.
-- A row for each object that lacks one.
select object_type, object_id, count(*) as gap_count, min(first_version) as first_missing_version
from {{ ref("version_gaps") }}
where finding = 'missing'
group by all

with
    final as (
        select
            object_type,
            object_id,
            object_version,
            source || '#' || event_id as event_id,
            occurred_at,
            event_date,
            sequence,
            coalesce(corrects, voids) is not null as is_mending
        from {{ source("events", "all_events") }}
        where object_version is not null
    )

select *
from final

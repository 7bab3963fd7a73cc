with
    found as (
        select object_type, object_id, unnest(findings) as found
        from {{ ref("int_object_versions") }}
        where findings is not null
    ),

    final as (
        select
            object_type,
            object_id,
            found.finding,
            found.first_version,
            found.last_version,
            found.before_event_id,
            found.before_at,
            found.after_event_id,
            found.after_at
        from found
    )

select *
from final

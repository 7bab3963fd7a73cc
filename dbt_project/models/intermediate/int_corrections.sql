with
    corrections as (select * from {{ source("events", "corrections") }}),

    -- What takes a correction back has no amounts of its own: as if that correction had never been.
    final as (
        select
            one.source,
            one.event_id,
            one.kind,
            one.status,
            one.object_id,
            one.occurred_at,
            cast(one.occurred_at as date) as event_date,
            one.corrected_event_id,
            one.replaced_event_id,
            one.place_at as corrected_at,
            one.changed_sequence as sequence,
            one.status in ('in_effect', 'superseded')
            and (one.kind = 'corrects' or named.status is null) as has_effect
        from corrections as one
        left join
            corrections as named on one.source = named.source and one.corrected_event_id = named.event_id
    )

select *
from final

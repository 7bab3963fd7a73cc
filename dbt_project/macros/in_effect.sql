{#-
    The events of a view that are in effect, each at its place in time: what a later event corrected or voided is left
    out, and a correction takes the time of what it corrects. Every staging model reads its events through this, so that
    no other model has to know of corrections. Which events are in effect is the archive's to say (events.corrections).
-#}
{% macro in_effect(events) -%}
    select *
    from {{ events }}
    anti join {{ source("events", "removed_events") }} using (source, event_id)
    where corrects is null and voids is null
    union all
    select
        events.* replace (
            coalesce(place_at, events.occurred_at) as occurred_at,
            coalesce(place_date, events.event_date) as event_date
        )
    from {{ events }} as events
    join {{ source("events", "corrections") }} as corrections using (source, event_id)
    anti join {{ source("events", "removed_events") }} using (source, event_id)
    where events.corrects is not null
{%- endmacro %}

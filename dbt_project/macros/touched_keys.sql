{#-
    How every fact is kept up to date. `events` holds one row per event with the columns `<key>`, `sequence` and
    `event_date`; a fact derives each key from all of its events and remembers the highest sequence per key in
    `last_sequence`. Nothing but the fact itself remembers how far it has read.

    touched_keys   the keys to derive again: those with events in commits that the fact has not read; those derived
                   from commits beyond the cut of the log that this run sees (an earlier cut than last time); and in
                   a replay those with events on the given days. A replay adds to a refresh and never stands in for
                   one: it may read an event of an unread commit, and from then on that commit would pass for read.
    where_touched  restricts a CTE to the keys in the CTE `touched`; nothing when the fact is built from nothing.

    A fact reads events only, never another fact: two upstreams at different sequences would leave gaps.
-#}
{% macro touched_keys(key, events) -%}
    {%- if is_incremental() %}
        select {{ key }}
        from {{ events }}
        where sequence > (select coalesce(max(last_sequence), 0) from {{ this }}) {{ or_on_replayed_days() }}
        union
        select {{ key }}
        from {{ this }}
        where last_sequence > {{ log_head() }}
    {%- else %} select {{ key }} from {{ events }} limit 0
    {%- endif %}
{%- endmacro %}


{% macro where_touched(key) -%}
    {%- if is_incremental() %} where {{ key }} in (select {{ key }} from touched) {%- endif %}
{%- endmacro %}


{#- The last commit that this run sees. -#}
{% macro log_head() -%}
    (select coalesce(max(sequence), 0) from {{ source("events", "segments") }})
{%- endmacro %}


{#- vars: replay_from and replay_to (half-open), or replay_days (a list of days). Dates are parsed, not pasted. -#}
{% macro or_on_replayed_days() -%}
    {%- set date = modules.datetime.date -%}
    {%- set start, end, days = var("replay_from", none), var("replay_to", none), var("replay_days", none) -%}
    {%- if (start is none) != (end is none) -%}
        {{
            exceptions.raise_compiler_error(
                "replay_from and replay_to belong together: [replay_from, replay_to)"
            )
        }}
    {%- endif -%}
    {%- if start is not none -%}
        or (
            event_date >= date '{{ date.fromisoformat(start | string) }}'
            and event_date < date '{{ date.fromisoformat(end | string) }}'
        )
    {%- endif -%}
    {%- for day in days or [] %} or event_date = date '{{ date.fromisoformat(day | string) }}' {%- endfor -%}
{%- endmacro %}

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
        where sequence > {{ last_sequence_read() }}
        union
        select {{ key }}
        from {{ this }}
        where last_sequence > {{ log_head() }}
        {%- if is_replay() %}
            union
            select {{ key }}
            from {{ events }}
            where {{ is_on_replayed_day() }}
        {%- endif %}
    {%- else %} select {{ key }} from {{ events }} limit 0
    {%- endif %}
{%- endmacro %}


{% macro where_touched(key) -%}
    {%- if is_incremental() %} where {{ key }} in (select {{ key }} from touched) {%- endif %}
{%- endmacro %}


{#-
    Asked beforehand, because the number lets DuckDB open the files of unread commits alone: 4 of 90 in the example
    company's archive. With a subquery in its place it opens all of them.
-#}
{% macro last_sequence_read() -%}
    {{- run_query("select coalesce(max(last_sequence), 0) from " ~ this).columns[0].values()[0] -}}
{%- endmacro %}


{#- The last commit that this run sees. -#}
{% macro log_head() -%}
    (select coalesce(max(sequence), 0) from {{ source("events", "segments") }})
{%- endmacro %}

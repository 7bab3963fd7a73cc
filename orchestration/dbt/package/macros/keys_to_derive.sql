{#-
    How every fact is kept up to date. `events` holds one row per event in effect with the columns `<key>`, `sequence`
    and `event_date`; the key is the object's id. A fact derives each key from all of its events and remembers the
    highest sequence per key in `last_sequence`. Nothing but the fact itself remembers how far it has read.

    keys_to_derive     the keys to derive again: those with events in commits that the fact has not read; those of which
                       a correction became known in such a commit, wherever in time it takes effect; and in a replay
                       those with events on the given days. A replay adds to a refresh and never stands in for one: it
                       may read an event of an unread commit, and from then on that commit would pass for read.
    where_to_derive    restricts a CTE to these keys; nothing when the fact is built from nothing. A fact that remembers
                       the lowest sequence per key, too, in `first_sequence`, opens no file of an earlier commit.

    They lie in a temporary table: all rows of these keys are replaced, also where no event of one is in effect any
    more. A fact reads events only, never another fact: two upstreams at different sequences would leave gaps.
-#}
{% macro keys_to_derive(key, events) -%}
    {%- if is_incremental() %}
        {%- set last_read = factlog.last_sequence_read() -%}
        {%- set sql %}
            create or replace temp table {{ factlog.keys_to_derive_table() }} as
            select {{ key }} from {{ events }} where sequence > {{ last_read }}
            union
            select object_id from {{ source("events", "corrections") }} where known_sequence > {{ last_read }}
            union
            select {{ key }} from {{ events }} where {{ is_on_replayed_day() }}
        {%- endset -%}
        {%- do run_query(sql) -%}
        {%- set untested %}
            {{ key }}, {{ factlog.first_sequence_to_derive(key, last_read) }} from {{ factlog.keys_to_derive_table() }}
        {%- endset -%}
        {%- do factlog.note_untested_keys(untested) -%}
        select {{ key }}
        from {{ factlog.keys_to_derive_table() }}
    {%- else -%} {%- do factlog.note_untested_keys("null, 0") -%} select {{ key }} from {{ events }} limit 0
    {%- endif %}
{%- endmacro %}


{% macro where_to_derive(key) -%}
    {%- if is_incremental() %}
        where {{ key }} in (select {{ key }} from to_derive) {{ factlog.and_not_before_untested_keys(this) }}
    {%- endif %}
{%- endmacro %}


{% macro keys_to_derive_table() -%} keys_to_derive_of_{{ model.name }} {%- endmacro %}


{#-
    No event of a key to derive came with an earlier commit: none that counts in its row; none that a correction had
    removed, which may count again; and what has not been read comes later. A replay of days takes nothing of this for
    granted, so that it mends whatever is wrong: it reads everything.
-#}
{% macro first_sequence_to_derive(key, last_read) -%}
    {%- set columns = adapter.get_columns_in_relation(this) | map(attribute="name") | list -%}
    {%- if "first_sequence" not in columns or is_on_replayed_day() | trim != "false" -%} 0
    {%- else -%}
        {%- set sql %}
            with keys as (select {{ key }} as key from {{ factlog.keys_to_derive_table() }})
            select
                least(
                    {{ last_read | int + 1 }},
                    (select min(first_sequence) from {{ this }} where {{ key }} in (from keys)),
                    (
                        select min(first_sequence)
                        from {{ source("events", "corrections") }}
                        where object_id in (from keys)
                    )
                )
        {%- endset -%}
        {{- run_query(sql).columns[0].values()[0] -}}
    {%- endif -%}
{%- endmacro %}


{#-
    Asked beforehand, because the number lets DuckDB open the files of unread commits alone: 4 of 90 in the example
    company's archive. With a subquery in its place it opens all of them.
-#}
{% macro last_sequence_read() -%}
    {%- set sql %} select coalesce(max(last_sequence), 0) from {{ this }} {%- endset -%}
    {{- run_query(sql).columns[0].values()[0] -}}
{%- endmacro %}

{#-
    How every fact is kept up to date. `events` holds one row per standing event with the columns `<key>`, `sequence`
    and `event_date`; the key is the object's id. A fact derives each key from all of its events and remembers the
    highest sequence per key in `last_sequence`. Nothing but the fact itself remembers how far it has read.

    touched_keys   the keys to derive again: those with events in commits that the fact has not read; those of which a
                   correction became known in such a commit, wherever in time it takes effect; and in a replay those
                   with events on the given days. A replay adds to a refresh and never stands in for one: it may read
                   an event of an unread commit, and from then on that commit would pass for read.
    where_touched  restricts a CTE to these keys; nothing when the fact is built from nothing. A fact that remembers
                   the lowest sequence per key, too, in `first_sequence`, opens no file of an earlier commit.

    They are kept in a temporary table: all rows of these keys are replaced, also where no event of one stands any
    more. A fact reads events only, never another fact: two upstreams at different sequences would leave gaps.
-#}
{% macro touched_keys(key, events) -%}
    {%- if is_incremental() %}
        {%- set last_read = last_sequence_read() -%}
        {%- do run_query(
            "create or replace temp table "
            ~ touched_table()
            ~ " as"
            ~ " select "
            ~ key
            ~ " from "
            ~ events
            ~ " where sequence > "
            ~ last_read
            ~ " union select object_id from "
            ~ source("events", "corrections")
            ~ " where known_sequence > "
            ~ last_read
            ~ " union select "
            ~ key
            ~ " from "
            ~ events
            ~ " where "
            ~ is_on_replayed_day()
        ) -%}
        {%- do note_untested(
            key ~ ", " ~ first_sequence_of_touched(key, last_read) ~ " from " ~ touched_table()
        ) -%}
        select {{ key }}
        from {{ touched_table() }}
    {%- else -%} {%- do note_untested("null, 0") -%} select {{ key }} from {{ events }} limit 0
    {%- endif %}
{%- endmacro %}


{% macro where_touched(key) -%}
    {%- if is_incremental() %}
        where {{ key }} in (select {{ key }} from touched) {{ and_not_before_untested(this) }}
    {%- endif %}
{%- endmacro %}


{% macro touched_table() -%} touched_keys_of_{{ model.name }} {%- endmacro %}


{#-
    No event of a touched key came with an earlier commit: none that counts in its row; none that a correction had
    removed, which may count again; and what has not been read comes later. A replay of days takes nothing of this for
    granted, so that it mends whatever is wrong: it reads everything.
-#}
{% macro first_sequence_of_touched(key, last_read) -%}
    {%- set columns = adapter.get_columns_in_relation(this) | map(attribute="name") | list -%}
    {%- if "first_sequence" not in columns or is_on_replayed_day() | trim != "false" -%} 0
    {%- else -%}
        {%- set keys = "(select " ~ key ~ " from " ~ touched_table() ~ ")" -%}
        {{-
            run_query(
                "select least("
                ~ (last_read | int + 1)
                ~ ", (select min(first_sequence) from "
                ~ this
                ~ " where "
                ~ key
                ~ " in "
                ~ keys
                ~ "), (select min(first_sequence) from "
                ~ source("events", "corrections")
                ~ " where object_id in "
                ~ keys
                ~ "))"
            ).columns[0].values()[0]
        -}}
    {%- endif -%}
{%- endmacro %}


{#-
    Asked beforehand, because the number lets DuckDB open the files of unread commits alone: 4 of 90 in the example
    company's archive. With a subquery in its place it opens all of them.
-#}
{% macro last_sequence_read() -%}
    {{- run_query("select coalesce(max(last_sequence), 0) from " ~ this).columns[0].values()[0] -}}
{%- endmacro %}

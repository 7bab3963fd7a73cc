{#-
    Which keys of a fact are derived again, and the events of these. They are the keys

    - that have events in commits which the fact has not read;
    - that events had which a correction has touched since then: the fact may hold what was removed, or lack what is
      in effect again, under another key than the correction has. The views of the archive show these events in the
      place of all others while `corrections_since` is set;
    - in a replay, that have or had events on the given days, and those of rows on these days: a row that no event
      supports goes. A fact whose rows have no day loses all such rows.

    A replay adds to a refresh and never stands in for one: it may read an event of an unread commit, and from then on
    that commit would pass for read.
-#}
{% macro find_keys_to_derive(keys, names, last_read, replayed) -%}
    {%- set found = factlog.temporary("found") -%}
    {%- set listed = factlog.quoted_list(keys) -%}
    {%- call statement("find_keys", auto_begin=False) -%}
        create or replace temp table {{ found }} as
        {%- for name in names %}
            select {{ listed }}
            from {{ factlog.events_relation(name) }}
            where sequence > {{ last_read }}
            {% if not loop.last %} union all by name {% endif %}
        {%- endfor %}
        ;
        set variable corrections_since = {{ last_read }}
        ;
        {%- for name in names %}
            insert into {{ found }} by name select {{ listed }} from {{ factlog.events_relation(name) }};
        {%- endfor %}
        {%- for since in ["0", "null"] if replayed != "false" %}
            set variable corrections_since = {{ since }}
            ;
            {%- for name in names %}
                insert into {{ found }} by name
                select {{ listed }}
                from {{ factlog.events_relation(name) }}
                where {{ replayed }};
            {%- endfor %}
        {%- endfor %}
        reset variable corrections_since
        ;
        {%- if replayed != "false" %}
            insert into {{ found }} by name {{ factlog.keys_of_replayed_rows_sql(keys, names) }};
        {%- endif %}
        create or replace temp table {{ factlog.temporary("keys") }} as
        select distinct {{ listed }}
        from {{ found }};
        drop table {{ found }};
    {%- endcall -%}
{%- endmacro %}


{#- Each relation of events has what it is read by. A name that it lacks would be looked for elsewhere, and found. -#}
{% macro check_events(keys, names) -%}
    {%- for name in names -%}
        {%- set relation = factlog.events_relation(name) -%}
        {%- set columns = (
            adapter.get_columns_in_relation(relation)
            | map(attribute="name")
            | map("lower")
            | list
        ) -%}
        {%- for column in keys + ["sequence", "event_date"] if column | lower not in columns -%}
            {%- do exceptions.raise_compiler_error(
                "its events are of "
                ~ name
                ~ ", which has no column "
                ~ column
                ~ "; a fact finds its keys by "
                ~ "the columns of its key, sequence and event_date: add it to "
                ~ name
                ~ ", which has "
                ~ columns
                | join(", ")
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}


{% macro keys_of_replayed_rows_sql(keys, names) -%}
    select {{ factlog.quoted_list(keys) }}
    from {{ this }} as held
    {%- if config.get("day") %} where {{ factlog.is_on_replayed_day(adapter.quote(config.get("day"))) }}
    {%- else %}
        {%- for name in names %}
            anti join
                {{ factlog.events_relation(name) }} as events{{ loop.index }}
                on {{ factlog.same_key(keys, "held", "events" ~ loop.index, "is not distinct from") }}
        {%- endfor %}
    {%- endif %}
{%- endmacro %}


{#-
    Asked beforehand, because the number lets DuckDB open the files of unread commits alone: 4 of 90 in the example
    company's archive. With a subquery in its place it opens all of them. No row can come from a commit that is not
    there: one that says so is none that a build wrote.
-#}
{% macro last_sequence_read() -%}
    {%- set sql %}
        select coalesce(max(last_sequence), 0)
        from {{ this }}
        where last_sequence <= (select max(sequence) from audit.build)
    {%- endset -%}
    {%- do return(run_query(sql).columns[0].values()[0] | int) -%}
{%- endmacro %}


{#- What `factlog.events()` reads where the fact is built from nothing: all events of each relation. -#}
{% macro show_all_events(names) -%}
    {%- call statement("show_events", auto_begin=False) -%}
        {%- for name in names %}
            create or replace temp view {{ factlog.temporary("events", name) }} as
            select *
            from {{ factlog.events_relation(name) }};
        {%- endfor %}
    {%- endcall -%}
{%- endmacro %}


{#- What it reads otherwise: all events of the keys to derive. -#}
{% macro keep_events_of_keys(keys, names, equals, first_sequence) -%}
    {%- set same = factlog.same_key(keys, "events", "keys", equals) -%}
    {%- call statement("keep_events", auto_begin=False) -%}
        {%- for name in names %}
            create or replace temp table {{ factlog.temporary("events", name) }} as
            select events.*
            from {{ factlog.events_relation(name) }} as events
            semi join {{ factlog.temporary("keys") }} as keys on {{ same }}
            {%- if first_sequence %} where events.sequence >= {{ first_sequence }}
            {%- endif %}
            ;
        {%- endfor %}
    {%- endcall -%}
{%- endmacro %}


{#-
    A commit before which no event of a key to derive came, as a number, so that no file of an earlier one is opened;
    0 where none is known. No such event is in the rows of these keys, none was touched by a correction, which may
    have removed it, and what has not been read comes later. A key without a row may have any: only a fact of which a
    test holds that every key has its row goes by this. Nor does a replay, which mends whatever is wrong.
-#}
{% macro first_sequence_to_read(keys, names, equals, last_read) -%}
    {%- set touched = factlog.temporary("touched") -%}
    {%- call statement("touched", auto_begin=False) -%}
        set variable corrections_since = 0
        ;
        create or replace temp table {{ touched }} as
        {%- for name in names %}
            select events.sequence
            from {{ factlog.events_relation(name) }} as events
            semi join {{ factlog.temporary("keys") }} as keys on {{ factlog.same_key(keys, "events", "keys", equals) }}
            {% if not loop.last %} union all {% endif %}
        {%- endfor %}
        ;
        reset variable corrections_since
        ;
    {%- endcall -%}
    {%- set sql %}
        select
            least(
                {{ last_read + 1 }},
                (
                    select min(held.first_sequence)
                    from {{ this }} as held
                    semi join
                        {{ factlog.temporary("keys") }} as keys on {{ factlog.same_key(keys, "held", "keys", equals) }}
                ),
                (select min(sequence) from {{ touched }})
            )
    {%- endset -%}
    {%- do return(run_query(sql).columns[0].values()[0] | int) -%}
{%- endmacro %}


{#- Whether a test that looks at every row, and keeps from publishing, holds that each key has its row. -#}
{% macro has_row_for_every_key(keys) -%}
    {%- set proofs = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == "test" and node.test_metadata -%}
        {%- set of_model = (
            node.attached_node == model.unique_id and node.test_metadata.name == "one_row_per_key"
        ) -%}
        {%- set is_whole = node.config.severity | lower == "error" and not node.config.where -%}
        {%- if of_model and is_whole and factlog.as_list(node.test_metadata.kwargs.key) == keys -%}
            {%- do proofs.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(proofs | length > 0) -%}
{%- endmacro %}


{#- How keys to derive are compared. A null is a key like any other, and looking for one costs more. -#}
{% macro operator_of_keys(keys) -%}
    {%- set sql %}
        select count(*)
        from {{ factlog.temporary("keys") }}
        where {% for key in keys %} {{ adapter.quote(key) }} is null {% if not loop.last %} or {% endif %}{% endfor %}
    {%- endset -%}
    {%- do return("is not distinct from" if run_query(sql).columns[0].values()[0] else "=") -%}
{%- endmacro %}


{#- The condition that two relations have the same key. -#}
{% macro same_key(keys, one, other, operator) -%}
    {%- for key in keys -%}
        {{ one }}.{{ adapter.quote(key) }} {{ operator }} {{ other }}.{{ adapter.quote(key) }}
        {%- if not loop.last %} and {% endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro quoted_list(columns) -%}
    {%- for column in columns -%}
        {{ adapter.quote(column) }}{% if not loop.last %}, {% endif %}
    {%- endfor -%}
{%- endmacro %}

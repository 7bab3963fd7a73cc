{#-
    Tests of facts look at the keys that were derived since every test last passed, because only these can have broken
    anything: over 20 million events that is a twentieth of the time. A fact that was built from nothing is tested
    whole, and so is every fact once a test is new or was changed. What only warns looks at everything: it is to warn
    for as long as there is a reason.

    audit.untested          such keys by table, as texts, until every test of a whole build has passed; no list stands
                            for all keys. No event of a key came with a commit before `first_sequence`
    untested_keys           of a relation that is a fact, the columns of its key and the query of its untested keys;
                            none where all of it is to be tested
    is_untested_key         the condition that a row, of the fact or of its events, has one of these keys
    has_untested_key        the condition that a value of a column occurs in a row of these keys. A row may break what
                            holds between it and a row of another key: all rows of that value are looked at
    and_not_before_untested_keys    that sequence as a bound, a number, so that no file of an earlier commit is
                            opened; nothing where there is none
-#}
{% macro note_whole_table_sql() -%} insert into audit.untested values ({{ factlog.table_name(this) }}, null, 0) ;
{%- endmacro %}


{% macro note_derived_keys_sql(keys, first_sequence) -%}
    insert into audit.untested
    select
    {{ factlog.table_name(this) }},
        [{% for key in keys %}cast({{ adapter.quote(key) }} as varchar){% if not loop.last %}, {% endif %}{% endfor %}],
    {{ first_sequence }}
    from {{ factlog.temporary("keys") }};
{%- endmacro %}


{% macro untested_keys(relation) -%}
    {%- set is_warning = (config.get("severity") or "error") | lower == "warn" -%}
    {%- set node = none if is_warning else factlog.model_of(relation) -%}
    {%- if node is none or node.config.materialized != "fact" -%} {%- do return(none) -%} {%- endif -%}
    {%- set query %} select key_values from audit.untested where table_name = {{ factlog.table_name(relation) }} {%- endset -%}
    {%- set sql %}
        select
            count(*) filter (key_values is null) as whole_tables,
            count(*) filter (list_has_any(list_transform(key_values, lambda value: value is null), [true])) as null_keys
        from ({{ query }})
    {%- endset -%}
    {%- set counted = run_query(sql).rows[0] -%}
    {%- if counted[0] > 0 -%} {%- do return(none) -%} {%- endif -%}
    {%- do return(
        {
            "columns": factlog.as_list(node.config.key),
            "query": query,
            "has_null": counted[1] > 0,
        }
    ) -%}
{%- endmacro %}


{#- The model whose table a relation is; none while the project is parsed, or where no model makes it. -#}
{% macro model_of(relation) -%}
    {%- set nodes = graph.nodes.values() if execute and relation.identifier is defined else [] -%}
    {%- for node in nodes if node.resource_type == "model" -%}
        {%- if node.schema == relation.schema and node.alias == relation.identifier -%}
            {%- do return(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(none) -%}
{%- endmacro %}


{% macro is_untested_key(untested) -%}
    {%- set columns = untested.columns -%}
    {%- if columns | length == 1 -%}
        {%- set column = adapter.quote(columns[0]) -%}
        (
            cast({{ column }} as varchar)
            in (select key_values[1] from ({{ untested.query }}) where key_values[1] is not null)
            {%- if untested.has_null %} or {{ column }} is null {%- endif %}
        )
    {%- else -%}
        [
            {% for column in columns %}
                cast({{ adapter.quote(column) }} as varchar){% if not loop.last %}, {% endif %}
            {% endfor %}
        ]
        in ({{ untested.query }})
    {%- endif -%}
{%- endmacro %}


{% macro has_untested_key(relation, column) -%}
    {%- set untested = factlog.untested_keys(relation) -%}
    {%- if untested is none -%} true
    {%- elif untested.columns == [column] -%} {{ factlog.is_untested_key(untested) }}
    {%- else -%}
        {{ column }}
        in (select {{ column }} from {{ relation }} where {{ factlog.is_untested_key(untested) }})
    {%- endif -%}
{%- endmacro %}


{% macro and_not_before_untested_keys(relation) -%}
    {%- if execute and flags.WHICH in ("run", "build", "test") -%}
        {%- set sql %}
            select coalesce(min(first_sequence), 0)
            from audit.untested
            where table_name = {{ factlog.table_name(relation) }}
        {%- endset -%}
        {%- set first = run_query(sql).columns[0].values()[0] -%}
        {%- if first > 0 %} and sequence >= {{ first }} {%- endif -%}
    {%- endif -%}
{%- endmacro %}

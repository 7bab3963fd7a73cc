{#-
    Tests of facts look at the keys that were derived since every test last passed, because only these can have broken
    anything: over 20 million events that is a twentieth of the time. A fact that was built from nothing is tested
    whole, and so is every fact once a test is new or was changed. What only warns looks at everything: it is to warn
    for as long as there is a reason.

    audit.untested      such keys by table, until every test of a whole build has passed; a null stands for all keys.
                        No event of a key came with a commit before `first_sequence`
    note_untested_keys  adds the keys that `keys_to_derive` chose
    untested_keys       of a relation that is a fact, its key column and the query of its untested keys; none where all
                        of it is to be tested
    and_not_before_untested_keys    that sequence as a bound, a number, so that no file of an earlier commit is
                        opened; nothing where there is none
    has_untested_key    the condition that a value of a column occurs in a row of these keys. A row may break what
                        holds between it and a row of another key: all rows of that value are looked at.
-#}
{% macro note_untested_keys(keys) -%}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {%- set sql %} insert into audit.untested select {{ factlog.table_of_untested(this) }}, {{ keys }} {%- endset -%}
        {%- do run_query(sql) -%}
    {%- endif -%}
{%- endmacro %}


{#- The name by which `audit.untested` knows a table. -#}
{% macro table_of_untested(relation) -%} '{{ relation.schema }}.{{ relation.identifier }}' {%- endmacro %}


{% macro untested_keys(relation) -%}
    {%- set found = namespace(keys=none) -%}
    {%- set is_warning = (config.get("severity") or "error") | lower == "warn" -%}
    {%- set nodes = (
        graph.nodes.values()
        if execute and not is_warning and relation.identifier is defined
        else []
    ) -%}
    {%- for node in nodes if node.resource_type == "model" and node.config.materialized == "incremental" -%}
        {%- if node.schema == relation.schema and node.alias == relation.identifier -%}
            {%- set query %}
                select key from audit.untested where table_name = {{ factlog.table_of_untested(relation) }}
            {%- endset -%}
            {%- set count_of_nulls %} select count(*) from ({{ query }}) where key is null {%- endset -%}
            {%- if run_query(count_of_nulls).columns[0].values()[0] == 0 -%}
                {%- set found.keys = {"column": node.config.unique_key, "query": query} -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do return(found.keys) -%}
{%- endmacro %}


{% macro has_untested_key(relation, column) -%}
    {%- set keys = factlog.untested_keys(relation) -%}
    {%- if keys is none -%} true
    {%- elif keys.column == column -%} {{ column }} in ({{ keys.query }})
    {%- else -%}
        {{ column }}
        in (select {{ column }} from {{ relation }} where {{ keys.column }} in ({{ keys.query }}))
    {%- endif -%}
{%- endmacro %}


{% macro and_not_before_untested_keys(relation) -%}
    {%- if execute and flags.WHICH in ("run", "build", "test") -%}
        {%- set sql %}
            select coalesce(min(first_sequence), 0)
            from audit.untested
            where table_name = {{ factlog.table_of_untested(relation) }}
        {%- endset -%}
        {%- set first = run_query(sql).columns[0].values()[0] -%}
        {%- if first > 0 %} and sequence >= {{ first }} {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#-
    The rows of a query that others are joined with: they are first put into a temporary table, so that what it took to
    find them is out of memory by then. DuckDB lets go of the hash tables of a join only when its statement ends: over
    20 million events one statement for all of `translations` spills, and takes half as long again; for half of its
    keys it runs out of memory.
-#}
{% macro materialize_now(name, query) -%}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {%- set table = name ~ "_of_" ~ model.name -%}
        {%- set sql %}
            create or replace temp table {{ table }} as
            {% if is_incremental() %} with to_derive as (from {{ factlog.keys_to_derive_table() }}) {% endif %}
            select * from ({{ query }})
        {%- endset -%}
        {%- do run_query(sql) -%}
        select *
        from {{ table }}
    {%- else -%} {{ query }}
    {%- endif -%}
{%- endmacro %}

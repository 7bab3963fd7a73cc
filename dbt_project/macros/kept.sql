{#-
    The rows of a query (called with it) that others are joined with: they are first put into a temporary table, so that
    what it took to find them is out of memory by then. DuckDB lets go of the hash tables of a join only when its
    statement ends: over 20 million events one statement for all of `translations` spills, and takes half as long again;
    for half of its keys it runs out of memory.
-#}
{% macro kept(name) -%}
    {%- set query, table = caller(), name ~ "_of_" ~ model.name -%}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {%- set touched = "with touched as (from " ~ touched_table() ~ ") " if is_incremental() else "" -%}
        {%- do run_query(
            "create or replace temp table "
            ~ table
            ~ " as "
            ~ touched
            ~ "select * from ("
            ~ query
            ~ ")"
        ) -%}
        select *
        from {{ table }}
    {%- else -%} {{ query }}
    {%- endif -%}
{%- endmacro %}

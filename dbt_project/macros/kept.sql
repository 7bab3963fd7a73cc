{#-
    The rows of a query (called with it) that others are joined with: from nothing they are first put into a temporary
    table, so that what it took to find them is out of memory by then. DuckDB lets go of the hash tables of a join only
    when its statement ends: over 20 million events one statement for all of `translations` spills, and takes half as
    long again. Where only touched keys are read, the query stays where it is.
-#}
{% macro kept(name) -%}
    {%- set query = caller() -%}
    {%- if is_incremental() or not (execute and flags.WHICH in ("run", "build")) -%} {{ query }}
    {%- else -%}
        {%- set table = name ~ "_of_" ~ model.name -%}
        {%- do run_query("create or replace temp table " ~ table ~ " as " ~ query) -%}
        select *
        from {{ table }}
    {%- endif -%}
{%- endmacro %}

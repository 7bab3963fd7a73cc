{#-
    The rows of a query that others are joined with, put into a temporary table before the model's own query runs, so
    that what it took to find them is out of memory by then. DuckDB lets go of the hash tables of a join only when its
    statement ends: over 20 million events one statement for all of `translations` spills, and takes half as long
    again; for half of its keys it runs out of memory.

    first_step       the statement, for the config `pre_hook` of a fact
    of_first_step    in the model: the SELECT of its rows; the query itself wherever no materialization runs
-#}
{% macro first_step(name, query) -%}
    create or replace temp table {{ factlog.temporary("step", name) }} as {{ factlog.as_subquery(query) }}
{%- endmacro %}


{% macro of_first_step(name, query) -%}
    {%- if execute and model.resource_type == "model" and flags.WHICH in ("run", "build") -%}
        select *
        from {{ factlog.temporary("step", name) }}
    {%- else -%} {{ query }}
    {%- endif -%}
{%- endmacro %}

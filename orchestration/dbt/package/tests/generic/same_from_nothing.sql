{#-
    A fact holds what the log gives: keys that came or were touched since every test last passed are derived again, from
    all of their events, and compared. Which keys these are is found here anew, not taken from what the build found; so
    what a build left out fails before it is published, as `factlog replay --verify` would find it afterwards. Keys that
    a correction touched are all looked at, of the others at most `most_keys`.

    A fact that was just built for the first time has nothing that it could be compared with: it passes.
-#}
{% test same_from_nothing(model, most_keys=1000) %}
    {%- set node = factlog.model_of(model) -%}
    {%- set since = none -%}
    {%- if node and flags.WHICH in ("build", "test") -%}
        {%- if node.config.materialized != "fact" -%}
            {%- do exceptions.raise_compiler_error(
                "same_from_nothing is a test of a fact; " ~ model ~ " is none"
            ) -%}
        {%- endif -%}
        {%- set since = run_query("select max(sequence) from audit.tested").columns[0].values()[0] -%}
    {%- endif -%}
    {%- if since is none -%} select 1 as no_row limit 0
    {%- else -%} {{ factlog.derived_otherwise_sql(model, node, since | int, most_keys) }}
    {%- endif -%}
{% endtest %}

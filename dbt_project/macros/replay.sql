{#-
    What a build is asked to derive again besides what landed. The request lies in the warehouse, because it has to
    outlive a build that is killed: whoever builds next completes it.

    audit.replay         half-open ranges of days: the keys that have events on them are derived again
    audit.derive_again   models to build from nothing, because other code derived them; '*' stands for all
    audit.build          whether most events lie on these days, so that from nothing is the shorter way
-#}
{% macro is_on_replayed_day() -%}
    {%- set sql %} select first_day, end_day, end_day - first_day from audit.replay order by all {%- endset -%}
    {%- set days, conditions = [], [] -%}
    {%- for first_day, end_day, length in run_query(sql).rows -%}
        {%- if length == 1 -%} {%- do days.append("date '" ~ first_day ~ "'") -%}
        {%- else -%}
            {%- set range %}event_date >= date '{{ first_day }}' and event_date < date '{{ end_day }}'{% endset -%}
            {%- do conditions.append(range) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if days -%} {%- do conditions.append("event_date in (" ~ days | join(", ") ~ ")") -%} {%- endif -%}
    {{- conditions | join(" or ") or "false" -}}
{%- endmacro %}


{#- dbt asks this of every incremental model: whether it is to be built from nothing. -#}
{% macro should_full_refresh() -%}
    {%- set asked = config.get("full_refresh") -%}
    {%- if asked is none -%} {%- set asked = flags.FULL_REFRESH -%} {%- endif -%}
    {%- if not asked and execute -%}
        {%- set again = run_query("select model from audit.derive_again").columns[0].values() -%}
        {%- set replays_most = run_query("select replays_most from audit.build").columns[0].values()[0] -%}
        {%- set asked = "*" in again or model.unique_id in again or replays_most -%}
    {%- endif -%}
    {%- do return(asked) -%}
{%- endmacro %}

{#-
    A replay of days derives the keys again that have events on them. Days are given as variables: `replay_from` and
    `replay_to`, half-open, or `replay_days`, a list; or both. Dates are parsed, not pasted.
-#}
{% macro is_replay() -%}
    {%- if (var("replay_from", none) is none) != (var("replay_to", none) is none) -%}
        {{
            exceptions.raise_compiler_error(
                "replay_from and replay_to go together: [replay_from, replay_to)"
            )
        }}
    {%- endif -%}
    {{- return(var("replay_from", none) is not none or var("replay_days", none) is not none) -}}
{%- endmacro %}


{% macro is_on_replayed_day() -%}
    {%- set date = modules.datetime.date -%}
    {%- set conditions = [] -%}
    {%- if var("replay_from", none) is not none -%}
        {%- set start = date.fromisoformat(var("replay_from") | string) -%}
        {%- set end = date.fromisoformat(var("replay_to") | string) -%}
        {%- do conditions.append("event_date >= date '" ~ start ~ "' and event_date < date '" ~ end ~ "'") -%}
    {%- endif -%}
    {%- for day in var("replay_days", none) or [] -%}
        {%- do conditions.append("event_date = date '" ~ date.fromisoformat(day | string) ~ "'") -%}
    {%- endfor -%}
    {{- conditions | join(" or ") or "false" -}}
{%- endmacro %}

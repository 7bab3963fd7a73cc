{#-
    The incremental strategy of every fact: the rows of the keys that were derived again take the place of all rows of
    those keys, in one transaction. `unique_key` is the key that is replaced; a fact may hold several rows of it.
    Rows derived from commits beyond the cut of this run go as well, so that no key outlives its events.
-#}
{% macro get_incremental_replace_keys_sql(arg_dict) -%}
    {%- set target, derived, key = (
        arg_dict["target_relation"],
        arg_dict["temp_relation"],
        arg_dict["unique_key"],
    ) -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    {{ delete_replaced_rows(target, derived, key) }}
    insert into {{ target }} ({{ columns }})
    select {{ columns }}
    from {{ derived }}
{%- endmacro %}


{% macro delete_replaced_rows(target, derived, key) -%}
    delete from {{ target }}
    where {{ key }} in (select {{ key }} from {{ derived }}) or last_sequence > {{ log_head() }};
{%- endmacro %}

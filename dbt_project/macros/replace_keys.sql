{#-
    The incremental strategy of every fact: the rows that were derived again take the place of all rows of the keys to
    derive, in one transaction. `unique_key` is the key that is replaced; a fact may hold several rows of it, or none.
-#}
{% macro get_incremental_replace_keys_sql(arg_dict) -%}
    {%- set target, derived, key = (
        arg_dict["target_relation"],
        arg_dict["temp_relation"],
        arg_dict["unique_key"],
    ) -%}
    {%- set columns = arg_dict["dest_columns"] | map(attribute="quoted") | join(", ") -%}
    {{ delete_rows_to_derive(target, key) }}
    insert into {{ target }} ({{ columns }})
    select {{ columns }}
    from {{ derived }}
{%- endmacro %}


{% macro delete_rows_to_derive(target, key) -%}
    delete from {{ target }}
    where {{ key }} in (select {{ key }} from {{ factlog.keys_to_derive_table() }});
{%- endmacro %}

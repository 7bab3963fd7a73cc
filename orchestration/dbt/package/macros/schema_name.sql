{#- Schemas are named exactly as the folders declare them: `billing`, not `main_billing`. -#}
{% macro duckdb__generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

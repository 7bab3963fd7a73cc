{#- dbt's own tests `unique` and `relationships`, of the untested keys alone (see `untested_keys`). -#}
{% macro duckdb__test_unique(model, column_name) %}
    select {{ column_name }} as unique_field, count(*) as n_records
    from {{ model }}
    where {{ column_name }} is not null and {{ factlog.has_untested_key(model, column_name) }}
    group by {{ column_name }}
    having count(*) > 1
{% endmacro %}


{% macro duckdb__test_relationships(model, column_name, to, field) %}
    {%- set children, parents = factlog.untested_keys(model), factlog.untested_keys(to) -%}
    with
        -- A child may be new, and a parent may be gone.
        looked_at as materialized(
            select {{ column_name }} as from_field
            from {{ model }}
            where
                {{ column_name }} is not null
                {%- if children is not none and parents is not none and parents.columns == [field] %}
                    and (
                        {{ factlog.is_untested_key(children) }}
                        or cast({{ column_name }} as varchar)
                        in (select key_values[1] from ({{ parents.query }}))
                    )
                {%- endif %}
        ),

        known as (
            select {{ field }} as from_field
            from {{ to }}
            where {{ field }} in (select from_field from looked_at)
        )

    select from_field
    from looked_at
    anti join known using (from_field)
{% endmacro %}

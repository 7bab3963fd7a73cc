{#- No fan-out and nothing lost: the model holds exactly the distinct keys of `upstream`, each once; null is one. -#}
{% test one_row_per_key(model, key, upstream) %}
    {%- set keys, untested = factlog.as_list(key), factlog.untested_keys(model) -%}
    {%- set of_fact = untested is not none and untested.columns == keys -%}
    {%- set is_looked_at = factlog.is_untested_key(untested) if of_fact else "true" -%}
    with
        counted as (
            select {{ factlog.quoted_list(keys) }}, count(*) as row_count
            from {{ model }}
            where {{ is_looked_at }}
            group by all
        ),

        expected as (
            select distinct {{ factlog.quoted_list(keys) }}, true as is_expected
            from {{ upstream }}
            where
                {{ is_looked_at }}
                {% if of_fact %} {{ factlog.and_not_before_untested_keys(model) }}{% endif %}
        ),

        final as (
            select
                {%- for key in keys %}
                    coalesce(
                        counted.{{ adapter.quote(key) }}, expected.{{ adapter.quote(key) }}
                    ) as {{ adapter.quote(key) }},
                {%- endfor %}
                coalesce(counted.row_count, 0) as row_count
            from counted
            full join expected on {{ factlog.same_key(keys, "counted", "expected", "is not distinct from") }}
            where counted.row_count is distinct from 1 or expected.is_expected is null
        )

    select *
    from final
{% endtest %}

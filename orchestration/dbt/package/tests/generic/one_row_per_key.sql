{#- No fan-out and nothing lost: the model holds exactly the distinct keys of `upstream`, each once. -#}
{% test one_row_per_key(model, key, upstream) %}
    with
        counted as (
            select {{ key }}, count(*) as row_count
            from {{ model }}
            where {{ factlog.has_untested_key(model, key) }}
            group by all
        ),

        expected as (
            select distinct {{ key }}
            from {{ upstream }}
            where {{ factlog.has_untested_key(model, key) }} {{ factlog.and_not_before_untested_keys(model) }}
        ),

        final as (
            select {{ key }}, coalesce(counted.row_count, 0) as row_count
            from counted
            full join expected using ({{ key }})
            where counted.row_count is distinct from 1 or expected.{{ key }} is null
        )

    select *
    from final
{% endtest %}

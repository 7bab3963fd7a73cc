{#- No two rows share the values of these columns. -#}
{% test unique_combination(model, columns) %}
    with
        final as (
            select {{ columns | join(", ") }}, count(*) as row_count
            from {{ model }}
            group by all
            having count(*) > 1
        )

    select *
    from final
{% endtest %}

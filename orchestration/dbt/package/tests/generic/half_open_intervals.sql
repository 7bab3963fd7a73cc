{#- Intervals [starts_at, ends_at) of one `by` neither overlap nor stand empty; an open end is null. -#}
{% test half_open_intervals(model, by, starts_at, ends_at) %}
    with
        intervals as (
            select
                {{ by }},
                {{ starts_at }} as starts_at,
                {{ ends_at }} as ends_at,
                lead({{ starts_at }}) over (partition by {{ by }} order by {{ starts_at }}) as next_starts_at
            from {{ model }}
        ),

        final as (
            select *
            from intervals
            where starts_at >= ends_at or next_starts_at < coalesce(ends_at, 'infinity')
        )

    select *
    from final
{% endtest %}

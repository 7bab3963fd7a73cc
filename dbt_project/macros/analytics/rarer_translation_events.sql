{#- What some translations have, each value from the event that counts: a row per translation that has any of it. -#}
{% macro rarer_translation_events() -%}
    {%- set verbs = {"edited": "last", "assigned": "last", "rated": "last", "cancelled": "first"} -%}

    with
        {% for verb, which in verbs.items() -%}
            {{ verb }} as (
                {{ factlog.first_or_last_event("stg_translation__" ~ verb, "translation_id", which) }}
            ),
        {% endfor -%}

        last_scores as (
            {{
                factlog.first_or_last_event(
                    "stg_translation__quality_scored", "translation_id", "last", per="metric"
                )
            }}
        ),

        scored as (
            select
                translation_id,
                any_value(score) filter (metric = 'comet') as comet_score,
                any_value(score) filter (metric = 'chrf') as chrf_score,
                min(first_sequence) as first_sequence,
                max(last_sequence) as last_sequence
            from last_scores
            group by translation_id
        )

    select
        translation_id,
        coalesce(cancelled.customer_id, rated.customer_id) as customer_id,
        comet_score,
        chrf_score,
        assigned.occurred_at as assigned_at,
        coalesce(edited.editor_id, assigned.editor_id) as editor_id,
        edited.occurred_at as edited_at,
        edited.word_count as edited_word_count,
        edited.words_changed as changed_word_count,
        cancelled.occurred_at as cancelled_at,
        cancelled.reason as cancellation_reason,
        rated.occurred_at as rated_at,
        rated.rating,
        least(
            {%- for verb in verbs %}{{ verb }}.first_sequence, {%- endfor %} scored.first_sequence
        ) as first_sequence,
        greatest(
            {%- for verb in verbs %}{{ verb }}.last_sequence, {%- endfor %} scored.last_sequence
        ) as last_sequence
    from scored
    {%- for verb in verbs %} full join {{ verb }} using (translation_id) {%- endfor %}
{%- endmacro %}

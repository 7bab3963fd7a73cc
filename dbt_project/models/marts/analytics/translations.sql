{{
    config(
        materialized="fact",
        key="translation_id",
        events=[
            "stg_translation__requested",
            "stg_translation__machine_translated",
            "stg_translation__quality_scored",
            "stg_translation__assigned",
            "stg_translation__edited",
            "stg_translation__delivered",
            "stg_translation__cancelled",
            "stg_translation__rated",
        ],
        day="requested_date",
        tags=["daily"],
        pre_hook="{{ factlog.first_step('of_some', rarer_translation_events()) }}",
    )
}}

{#-
    Of each verb the one event that counts, whole, so that the values of two events never mix. What happens once counts
    from its first event; what may be done again (translate, score, assign, edit, rate) from its last.

    Two halves, joined at the end: what nearly every translation has, and what some have.
-#}
{%- set most_have = {"requested": "first", "delivered": "first", "machine_translated": "last"} -%}

with
    {% for verb, which in most_have.items() -%}
        {{ verb }} as (
            {{ factlog.first_or_last_event("stg_translation__" ~ verb, "translation_id", which) }}
        ),
    {% endfor -%}

    of_some as ({{ factlog.of_first_step("of_some", rarer_translation_events()) }}),

    final as (
        select
            translation_id,
            coalesce(requested.customer_id, delivered.customer_id, of_some.customer_id) as customer_id,
            case
                when delivered.occurred_at is not null
                then 'delivered'
                when cancelled_at is not null
                then 'cancelled'
                when edited_at is not null
                then 'edited'
                when assigned_at is not null
                then 'assigned'
                when machine_translated.occurred_at is not null
                then 'machine_translated'
                else 'requested'
            end as status,
            requested.source_language,
            requested.target_language,
            coalesce(requested.service_level, delivered.service_level) as service_level,
            requested.channel,
            requested.word_count,
            requested.occurred_at as requested_at,
            requested.event_date as requested_date,
            requested.wanted_at,
            machine_translated.occurred_at as machine_translated_at,
            machine_translated.engine_id,
            machine_translated.engine_version,
            machine_translated.duration_ms as engine_duration_ms,
            comet_score,
            chrf_score,
            assigned_at,
            editor_id,
            edited_at,
            edited_word_count,
            changed_word_count,
            delivered.occurred_at as delivered_at,
            delivered.event_date as delivered_date,
            cast(
                cast(epoch_us(delivered.occurred_at) - epoch_us(requested.occurred_at) as decimal(18, 0))
                * 0.000001 as decimal(18, 6)
            ) as turnaround_seconds,
            delivered.occurred_at > requested.wanted_at as is_late,
            cancelled_at,
            cancellation_reason,
            rated_at,
            rating,
            least(
                {%- for verb in most_have %}{{ verb }}.first_sequence, {%- endfor %} of_some.first_sequence
            ) as first_sequence,
            greatest(
                {%- for verb in most_have %}{{ verb }}.last_sequence, {%- endfor %} of_some.last_sequence
            ) as last_sequence
        from requested
        full join delivered using (translation_id)
        full join machine_translated using (translation_id)
        full join of_some using (translation_id)
    )

select *
from final

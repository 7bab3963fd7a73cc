{{ config(materialized="incremental", unique_key="translation_id", tags=["daily"]) }}

with
    touched as ({{ touched_keys("translation_id", ref("int_translation_events")) }}),

    -- Of each verb the one event that counts, whole, so that the values of two events never mix. What
    -- happens once
    -- counts from its first event; what may be done again (translate, score, assign, edit, rate) from its
    -- last.
    decided as (
        select
            translation_id,
            arg_min(requested, event_order) as requested,
            arg_max(machine_translated, event_order) as machine_translated,
            arg_max(comet_score, event_order) as comet_score,
            arg_max(chrf_score, event_order) as chrf_score,
            arg_max(assigned, event_order) as assigned,
            arg_max(edited, event_order) as edited,
            arg_min(delivered, event_order) as delivered,
            arg_min(cancelled, event_order) as cancelled,
            arg_max(rated, event_order) as rated,
            max(sequence) as last_sequence
        from {{ ref("int_translation_events") }} {{ where_touched("translation_id") }}
        group by translation_id
    ),

    final as (
        select
            translation_id,
            coalesce(
                requested.customer_id, delivered.customer_id, cancelled.customer_id, rated.customer_id
            ) as customer_id,
            case
                when delivered is not null
                then 'delivered'
                when cancelled is not null
                then 'cancelled'
                when edited is not null
                then 'edited'
                when assigned is not null
                then 'assigned'
                when machine_translated is not null
                then 'machine_translated'
                else 'requested'
            end as status,
            requested.source_language,
            requested.target_language,
            coalesce(requested.service_level, delivered.service_level) as service_level,
            requested.channel,
            requested.word_count,
            requested.occurred_at as requested_at,
            cast(requested.occurred_at as date) as requested_date,
            requested.wanted_at,
            machine_translated.occurred_at as machine_translated_at,
            machine_translated.engine_id,
            machine_translated.engine_version,
            machine_translated.duration_ms as engine_duration_ms,
            comet_score,
            chrf_score,
            assigned.occurred_at as assigned_at,
            coalesce(edited.editor_id, assigned.editor_id) as editor_id,
            edited.occurred_at as edited_at,
            edited.word_count as edited_word_count,
            edited.words_changed as changed_word_count,
            delivered.occurred_at as delivered_at,
            cast(delivered.occurred_at as date) as delivered_date,
            cast(
                cast(epoch_ms(delivered.occurred_at) - epoch_ms(requested.occurred_at) as decimal(15, 0))
                * 0.001 as decimal(18, 3)
            ) as turnaround_seconds,
            delivered.occurred_at > requested.wanted_at as is_late,
            cancelled.occurred_at as cancelled_at,
            cancelled.reason as cancellation_reason,
            rated.occurred_at as rated_at,
            rated.rating,
            last_sequence
        from decided
    )

select *
from final

{% set event = "translation_id, sequence, event_date, event_order" %}

with
    requested as (
        select
            {{ event }},
            struct_pack(
                occurred_at,
                customer_id,
                source_language,
                target_language,
                word_count,
                service_level,
                channel,
                wanted_at
            ) as requested
        from {{ ref("stg_translation__requested") }}
    ),

    machine_translated as (
        select
            {{ event }},
            struct_pack(occurred_at, engine_id, engine_version, duration_ms) as machine_translated
        from {{ ref("stg_translation__machine_translated") }}
    ),

    quality_scored as (
        select
            {{ event }},
            if(metric = 'comet', score, null) as comet_score,
            if(metric = 'chrf', score, null) as chrf_score
        from {{ ref("stg_translation__quality_scored") }}
    ),

    assigned as (
        select {{ event }}, struct_pack(occurred_at, editor_id) as assigned
        from {{ ref("stg_translation__assigned") }}
    ),

    edited as (
        select {{ event }}, struct_pack(occurred_at, editor_id, word_count, words_changed) as edited
        from {{ ref("stg_translation__edited") }}
    ),

    delivered as (
        select {{ event }}, struct_pack(occurred_at, customer_id, service_level) as delivered
        from {{ ref("stg_translation__delivered") }}
    ),

    cancelled as (
        select {{ event }}, struct_pack(occurred_at, customer_id, reason) as cancelled
        from {{ ref("stg_translation__cancelled") }}
    ),

    rated as (
        select {{ event }}, struct_pack(occurred_at, customer_id, rating) as rated
        from {{ ref("stg_translation__rated") }}
    ),

    final as (
        select *
        from requested
        union all by name
        select *
        from machine_translated
        union all by name
        select *
        from quality_scored
        union all by name
        select *
        from assigned
        union all by name
        select *
        from edited
        union all by name
        select *
        from delivered
        union all by name
        select *
        from cancelled
        union all by name
        select *
        from rated
    )

select *
from final

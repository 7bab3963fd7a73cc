{{ config(materialized="incremental", unique_key="translation_id", tags=["daily"]) }}

with
    touched as ({{ touched_keys("translation_id", ref("stg_translation__delivered")) }}),

    -- A translation is billed once, as it was first delivered.
    first_deliveries as (
        select
            translation_id,
            arg_min(
                struct_pack(
                    occurred_at,
                    event_date,
                    customer_id,
                    service_level,
                    plan,
                    word_count,
                    unit_price_minor,
                    price_minor,
                    currency
                ),
                event_order
            ) as delivery,
            count(*) as delivery_count,
            max(sequence) as last_sequence
        from {{ ref("stg_translation__delivered") }} {{ where_touched("translation_id") }}
        group by translation_id
    ),

    final as (
        select
            translation_id,
            delivery.customer_id,
            delivery.occurred_at as delivered_at,
            delivery.event_date as delivered_date,
            delivery.service_level,
            delivery.plan,
            delivery.word_count,
            delivery.unit_price_minor,
            delivery.price_minor,
            delivery.currency,
            delivery_count,
            last_sequence
        from first_deliveries
    )

select *
from final

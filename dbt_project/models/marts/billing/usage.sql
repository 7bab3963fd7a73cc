{{
    config(
        materialized="fact",
        key="translation_id",
        events="stg_translation__delivered",
        day="delivered_date",
        tags=["daily"],
    )
}}

with
    -- A translation is billed once, as it was first delivered.
    first_deliveries as (
        {{ factlog.first_or_last_event("stg_translation__delivered", "translation_id", "first") }}
    ),

    final as (
        select
            translation_id,
            customer_id,
            occurred_at as delivered_at,
            event_date as delivered_date,
            service_level,
            plan,
            word_count,
            unit_price_minor,
            price_minor,
            currency,
            event_count as delivery_count,
            first_sequence,
            last_sequence
        from first_deliveries
    )

select *
from final

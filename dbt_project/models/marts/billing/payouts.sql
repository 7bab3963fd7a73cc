{{ config(materialized="incremental", unique_key="payout_id", tags=["daily"]) }}

with
    to_derive as ({{ factlog.keys_to_derive("payout_id", ref("stg_payout__sent")) }}),

    last_sent as (
        select
            payout_id,
            arg_max(
                struct_pack(
                    occurred_at,
                    event_date,
                    editor_id,
                    period_start_date,
                    period_end_date,
                    translation_count,
                    word_count,
                    total_minor,
                    currency
                ),
                event_order
            ) as payout,
            max(sequence) as last_sequence
        from {{ ref("stg_payout__sent") }} {{ factlog.where_to_derive("payout_id") }}
        group by payout_id
    ),

    final as (
        select
            payout_id,
            payout.editor_id,
            payout.period_start_date,
            payout.period_end_date,
            payout.occurred_at as sent_at,
            payout.event_date as sent_date,
            payout.translation_count,
            payout.word_count,
            payout.total_minor,
            payout.currency,
            last_sequence
        from last_sent
    )

select *
from final

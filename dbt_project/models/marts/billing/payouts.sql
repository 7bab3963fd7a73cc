{{ config(materialized="fact", key="payout_id", events="stg_payout__sent", day="sent_date", tags=["daily"]) }}

with
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
            ) as payout
        from {{ factlog.events() }}
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
            payout.currency
        from last_sent
    )

select *
from final

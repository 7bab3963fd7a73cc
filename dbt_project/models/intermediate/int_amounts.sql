with
    final as (
        select
            source, event_id, object_id, 'invoice' as subject, data.total_minor as amount_minor, data.currency
        from {{ source("events", "invoice_issued__all") }}
        union all
        select source, event_id, object_id, 'payment', data.amount_minor, data.currency
        from {{ source("events", "invoice_paid__all") }}
        union all
        select source, event_id, object_id, 'delivery', data.price_minor, data.currency
        from {{ source("events", "translation_delivered__all") }}
        union all
        select source, event_id, object_id, 'payout', data.total_minor, data.currency
        from {{ source("events", "payout_sent__all") }}
    )

select *
from final

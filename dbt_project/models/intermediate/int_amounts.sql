with
    final as (
        select
            source, event_id, object_id, 'invoice' as subject, data.total_minor as amount_minor, data.currency
        from {{ source("events", "invoice_issued") }}
        union all
        select source, event_id, object_id, 'payment', data.amount_minor, data.currency
        from {{ source("events", "invoice_paid") }}
        union all
        select source, event_id, object_id, 'delivery', data.price_minor, data.currency
        from {{ source("events", "translation_delivered") }}
        union all
        select source, event_id, object_id, 'payout', data.total_minor, data.currency
        from {{ source("events", "payout_sent") }}
    )

select *
from final

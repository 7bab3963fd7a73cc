-- What is owed and paid now is what was said first and all compensations since, by invoice and currency.
with
    mended as (select distinct object_id from {{ ref("compensations") }}),

    -- All that was said without naming anything earlier.
    first_said as (
        select subject, object_id, currency, amount_minor
        from {{ ref("int_amounts") }}
        semi join mended using (object_id)
        left join {{ ref("int_corrections") }} as corrections using (source, event_id)
        where corrections.kind is null
    ),

    expected as (
        select subject, object_id, currency, sum(amount_minor) as amount_minor
        from
            (
                select *
                from first_said
                union all
                select subject, object_id, currency, compensation_minor
                from {{ ref("compensations") }}
            )
        group by all
    ),

    in_effect as (
        select subject, object_id, currency, sum(amount_minor) as amount_minor
        from
            (
                select 'invoice' as subject, invoice_id as object_id, currency, total_minor as amount_minor
                from {{ ref("stg_invoice__issued") }}
                union all
                select 'payment', invoice_id, currency, amount_minor
                from {{ ref("stg_invoice__paid") }}
                union all
                select 'delivery', translation_id, currency, price_minor
                from {{ ref("stg_translation__delivered") }}
                union all
                select 'payout', payout_id, currency, total_minor
                from {{ ref("stg_payout__sent") }}
            )
        semi join mended using (object_id)
        group by all
    ),

    final as (
        select
            subject,
            object_id,
            currency,
            expected.amount_minor as expected_minor,
            in_effect.amount_minor as in_effect_minor
        from expected
        full join in_effect using (subject, object_id, currency)
        where coalesce(expected.amount_minor, 0) != coalesce(in_effect.amount_minor, 0)
    )

select *
from final

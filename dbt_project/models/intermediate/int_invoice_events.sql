with
    issued as (
        select
            invoice_id,
            source,
            event_id,
            sequence,
            event_date,
            event_order,
            struct_pack(
                occurred_at,
                customer_id,
                period_start_date,
                period_end_date,
                due_date,
                currency,
                total_minor,
                line_count := len(lines)
            ) as issued
        from {{ ref("stg_invoice__issued") }}
    ),

    reminded as (
        select
            invoice_id,
            source,
            event_id,
            sequence,
            event_date,
            event_order,
            struct_pack(occurred_at, customer_id) as reminded
        from {{ ref("stg_invoice__reminded") }}
    ),

    paid as (
        select
            invoice_id,
            source,
            event_id,
            sequence,
            event_date,
            event_order,
            struct_pack(occurred_at, customer_id, amount_minor, currency) as paid
        from {{ ref("stg_invoice__paid") }}
    ),

    final as (
        select *
        from issued
        union all by name
        select *
        from reminded
        union all by name
        select *
        from paid
    )

select *
from final

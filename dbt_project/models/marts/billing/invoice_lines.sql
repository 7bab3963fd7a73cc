{{ config(materialized="incremental", unique_key="invoice_id", tags=["daily"]) }}

with
    to_derive as ({{ factlog.keys_to_derive("invoice_id", ref("stg_invoice__issued")) }}),

    -- As in `invoices`: an invoice that was issued again stands as it was issued last.
    last_issued as (
        select
            invoice_id,
            arg_max(
                struct_pack(occurred_at, customer_id, period_start_date, period_end_date, currency, lines),
                event_order
            ) as issued,
            max(sequence) as last_sequence
        from {{ ref("stg_invoice__issued") }} {{ factlog.where_to_derive("invoice_id") }}
        group by invoice_id
    ),

    lines as (select invoice_id, issued, last_sequence, unnest(issued.lines) as line from last_issued),

    final as (
        select
            invoice_id || '#' || line.line_number as invoice_line_id,
            invoice_id,
            line.line_number,
            issued.customer_id,
            issued.period_start_date,
            issued.period_end_date,
            cast(issued.occurred_at as date) as issued_date,
            line.service_level,
            line.plan,
            line.translation_count,
            line.word_count,
            line.unit_price_minor,
            line.amount_minor,
            issued.currency,
            last_sequence
        from lines
    )

select *
from final

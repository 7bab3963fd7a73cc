{{
    config(
        materialized="fact",
        key="invoice_id",
        events="stg_invoice__issued",
        day="issued_date",
        tags=["daily"],
    )
}}

with
    -- As in `invoices`: an invoice that was issued again stands as it was issued last.
    last_issued as (
        select
            invoice_id,
            arg_max(
                struct_pack(occurred_at, customer_id, period_start_date, period_end_date, currency, lines),
                event_order
            ) as issued
        from {{ factlog.events() }}
        group by invoice_id
    ),

    lines as (select invoice_id, issued, unnest(issued.lines) as line from last_issued),

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
            issued.currency
        from lines
    )

select *
from final

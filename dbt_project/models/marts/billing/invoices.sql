{{
    config(
        materialized="fact",
        key="invoice_id",
        events="int_invoice_events",
        day="issued_date",
        tags=["daily"],
    )
}}

with
    -- An invoice that was issued again stands as it was issued last. Payments add up.
    decided as (
        select
            invoice_id,
            arg_max(issued, event_order) as issued,
            arg_max(paid, event_order) as paid,
            arg_max(reminded, event_order) as reminded,
            coalesce(sum(paid.amount_minor), 0) as paid_minor,
            count(reminded) as reminder_count
        from {{ factlog.events() }}
        group by invoice_id
    ),

    final as (
        select
            invoice_id,
            coalesce(issued.customer_id, paid.customer_id, reminded.customer_id) as customer_id,
            issued.period_start_date,
            issued.period_end_date,
            issued.occurred_at as issued_at,
            cast(issued.occurred_at as date) as issued_date,
            issued.due_date,
            coalesce(issued.currency, paid.currency) as currency,
            issued.line_count,
            issued.total_minor,
            cast(paid_minor as bigint) as paid_minor,
            cast(issued.total_minor - paid_minor as bigint) as open_minor,
            paid.occurred_at as paid_at,
            coalesce(paid_minor >= issued.total_minor, false) as is_paid,
            cast(paid.occurred_at as date) > issued.due_date as is_paid_late,
            reminder_count,
            reminded.occurred_at as last_reminded_at
        from decided
    )

select *
from final

-- An invoice says what its lines add up to, in its own currency.
with
    lines as (
        select invoice_id, currency, count(*) as line_count, sum(amount_minor) as amount_minor
        from {{ ref("invoice_lines") }}
        group by all
    ),

    final as (
        select invoices.invoice_id, invoices.currency, invoices.total_minor, lines.amount_minor
        from {{ ref("invoices") }} as invoices
        left join lines using (invoice_id, currency)
        where
            invoices.issued_at is not null
            and (
                invoices.total_minor is distinct from lines.amount_minor
                or invoices.line_count is distinct from lines.line_count
            )
    )

select *
from final

-- The report adds up to the facts that it is made of, by currency.
with
    reported as (
        select currency, sum(delivered_minor) as delivered_minor, sum(invoiced_minor) as invoiced_minor
        from {{ ref("reconciliation") }}
        group by all
    ),

    delivered as (select currency, sum(price_minor) as price_minor from {{ ref("usage") }} group by all),

    invoiced as (
        select currency, sum(amount_minor) as amount_minor from {{ ref("invoice_lines") }} group by all
    ),

    final as (
        select currency, reported.*, delivered.price_minor, invoiced.amount_minor
        from reported
        full join delivered using (currency)
        full join invoiced using (currency)
        where
            coalesce(delivered_minor, 0) != coalesce(price_minor, 0)
            or coalesce(invoiced_minor, 0) != coalesce(amount_minor, 0)
    )

select *
from final

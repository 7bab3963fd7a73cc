with
    lines as (select * from {{ ref("order_lines") }}),

    final as (
        select
            products.category,
            orders.currency,
            cast(sum(lines.quantity) as bigint) as quantity,
            cast(sum(lines.amount_minor) as bigint) as revenue_minor
        from lines
        join {{ ref("orders") }} as orders using (order_id)
        left join {{ ref("products") }} as products using (product_id)
        group by all
    )

select *
from final

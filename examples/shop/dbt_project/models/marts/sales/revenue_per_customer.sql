with
    totals as (select * from {{ ref("order_totals") }}),

    final as (
        select
            orders.customer_id,
            orders.currency,
            count(*) as order_count,
            cast(sum(totals.goods_minor) as bigint) as revenue_minor
        from {{ ref("orders") }} as orders
        join totals using (order_id)
        group by all
    )

select *
from final

with
    final as (
        select
            orders.order_id,
            orders.customer_id,
            orders.currency,
            coalesce(totals.goods_minor, 0) as goods_minor,
            coalesce(payments.paid_minor, 0) - coalesce(payments.refunded_minor, 0) as paid_minor,
            coalesce(totals.goods_minor, 0)
            - coalesce(payments.paid_minor, 0)
            + coalesce(payments.refunded_minor, 0) as open_minor
        from {{ ref("orders") }} as orders
        left join {{ ref("order_totals") }} as totals using (order_id)
        left join {{ ref("order_payments") }} as payments using (order_id)
    )

select *
from final
where open_minor != 0

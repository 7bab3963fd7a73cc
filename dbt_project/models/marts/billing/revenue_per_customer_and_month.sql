with
    revenue as (
        select
            customer_id,
            cast(date_trunc('month', delivered_date) as date) as month_start_date,
            currency,
            count(*) as translation_count,
            cast(sum(word_count) as bigint) as word_count,
            cast(sum(price_minor) as bigint) as revenue_minor
        from {{ ref("usage") }}
        group by all
    ),

    final as (
        select
            revenue.customer_id,
            customers.customer_name,
            revenue.month_start_date,
            revenue.translation_count,
            revenue.word_count,
            revenue.revenue_minor,
            revenue.currency
        from revenue
        left join {{ ref("customers") }} as customers using (customer_id)
    )

select *
from final

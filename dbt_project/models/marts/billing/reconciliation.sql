with
    delivered as (
        select
            customer_id,
            cast(date_trunc('month', delivered_date) as date) as month_start_date,
            service_level,
            plan,
            unit_price_minor,
            currency,
            count(*) as delivered_translation_count,
            sum(word_count) as delivered_word_count,
            sum(price_minor) as delivered_minor
        from {{ ref("usage") }}
        group by all
    ),

    invoiced as (
        select
            customer_id,
            cast(date_trunc('month', period_start_date) as date) as month_start_date,
            service_level,
            plan,
            unit_price_minor,
            currency,
            sum(translation_count) as invoiced_translation_count,
            sum(word_count) as invoiced_word_count,
            sum(amount_minor) as invoiced_minor
        from {{ ref("invoice_lines") }}
        group by all
    ),

    compared as (
        select
            customer_id,
            month_start_date,
            service_level,
            plan,
            unit_price_minor,
            currency,
            cast(coalesce(delivered_translation_count, 0) as bigint) as delivered_translation_count,
            cast(coalesce(invoiced_translation_count, 0) as bigint) as invoiced_translation_count,
            cast(coalesce(delivered_word_count, 0) as bigint) as delivered_word_count,
            cast(coalesce(invoiced_word_count, 0) as bigint) as invoiced_word_count,
            cast(coalesce(delivered_minor, 0) as bigint) as delivered_minor,
            cast(coalesce(invoiced_minor, 0) as bigint) as invoiced_minor,
            bool_or(invoiced_minor is not null) over (
                partition by customer_id, month_start_date
            ) as is_month_invoiced
        from delivered
        full join
            invoiced using (customer_id, month_start_date, service_level, plan, unit_price_minor, currency)
    ),

    final as (
        select
            * exclude (is_month_invoiced),
            delivered_minor - invoiced_minor as difference_minor,
            case
                when delivered_minor = invoiced_minor and delivered_word_count = invoiced_word_count
                then 'matched'
                when not is_month_invoiced
                then 'not_invoiced'
                when invoiced_minor > delivered_minor or invoiced_word_count > delivered_word_count
                then 'overinvoiced'
                else 'underinvoiced'
            end as status
        from compared
    )

select *
from final

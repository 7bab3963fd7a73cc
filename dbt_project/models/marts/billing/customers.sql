{{ config(materialized="fact", key="customer_id", events="int_customer_events") }}

with
    decided as (
        select
            customer_id,
            arg_min(registered, event_order) as registered,
            arg_max(plan, event_order) as plan,
            count(*) filter (verb = 'plan_changed') as plan_change_count,
            max(occurred_at) filter (verb = 'closed') as closed_at
        from {{ factlog.events() }}
        group by customer_id
    ),

    final as (
        select
            customer_id,
            registered.name as customer_name,
            registered.country,
            registered.currency,
            registered.payment_terms_days,
            plan,
            plan_change_count,
            registered.occurred_at as registered_at,
            closed_at,
            closed_at is not null as is_closed
        from decided
    )

select *
from final

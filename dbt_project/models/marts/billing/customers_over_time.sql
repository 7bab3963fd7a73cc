{{ config(materialized="fact", key="customer_id", events="int_customer_events") }}

with
    states as (
        select
            customer_id,
            occurred_at as valid_from_at,
            last_value(plan ignore nulls) over so_far as plan,
            coalesce(bool_or(verb = 'closed') over so_far, false) as is_closed
        from {{ factlog.events() }}
        -- Of several events in one instant the last one says what held from then on: no interval is empty.
        window so_far as (partition by customer_id order by event_order rows unbounded preceding)
        qualify row_number() over (partition by customer_id, occurred_at order by event_order desc) = 1
    ),

    final as (
        select
            customer_id,
            valid_from_at,
            lead(valid_from_at) over (partition by customer_id order by valid_from_at) as valid_to_at,
            plan,
            is_closed
        from states
    )

select *
from final

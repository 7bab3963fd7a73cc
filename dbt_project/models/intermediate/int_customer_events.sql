with
    registered as (
        select
            customer_id,
            source,
            event_id,
            verb,
            occurred_at,
            sequence,
            event_date,
            event_order,
            plan,
            struct_pack(occurred_at, name, country, currency, payment_terms_days) as registered
        from {{ ref("stg_customer__registered") }}
    ),

    plan_changed as (
        select customer_id, source, event_id, verb, occurred_at, sequence, event_date, event_order, plan
        from {{ ref("stg_customer__plan_changed") }}
    ),

    closed as (
        select customer_id, source, event_id, verb, occurred_at, sequence, event_date, event_order
        from {{ ref("stg_customer__closed") }}
    ),

    final as (
        select *
        from registered
        union all by name
        select *
        from plan_changed
        union all by name
        select *
        from closed
    )

select *
from final

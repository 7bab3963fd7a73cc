with
    events as (select * from {{ source("events", "customer_registered") }}),

    final as (
        select
            object_id as customer_id,
            {{ factlog.event_columns() }},
            data.name,
            data.country,
            data.plan,
            data.currency,
            data.payment_terms_days
        from events
    )

select *
from final

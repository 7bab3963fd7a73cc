with
    events as (select * from {{ source("events", "customer_plan_changed") }}),

    final as (
        select
            object_id as customer_id,
            {{ factlog.event_columns() }},
            data.from_plan,
            data.to_plan as plan,
            data.reason
        from events
    )

select *
from final

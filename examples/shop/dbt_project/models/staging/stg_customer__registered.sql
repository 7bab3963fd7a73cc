with
    events as (select * from {{ source("events", "customer_registered") }}),

    final as (select object_id as customer_id, {{ factlog.event_columns() }}, data.country from events)

select *
from final

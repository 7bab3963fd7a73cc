with
    events as (select * from {{ source("events", "customer_closed") }}),

    final as (select object_id as customer_id, {{ factlog.event_columns() }}, data.reason from events)

select *
from final

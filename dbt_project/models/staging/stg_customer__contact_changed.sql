with
    events as (select * from {{ source("events", "customer_contact_changed") }}),

    final as (select object_id as customer_id, {{ factlog.event_columns() }} from events)

select *
from final

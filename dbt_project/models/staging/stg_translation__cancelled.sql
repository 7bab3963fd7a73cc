with
    events as (select * from {{ source("events", "translation_cancelled") }}),

    final as (
        select object_id as translation_id, {{ factlog.event_columns() }}, data.customer_id, data.reason
        from events
    )

select *
from final

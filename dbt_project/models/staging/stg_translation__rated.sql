with
    events as (select * from {{ source("events", "translation_rated") }}),

    final as (
        select
            object_id as translation_id, {{ factlog.event_columns() }}, data.customer_id, data.score as rating
        from events
    )

select *
from final

with
    events as (select * from {{ source("events", "translation_delivered") }}),

    final as (
        select
            object_id as translation_id,
            {{ factlog.event_columns() }},
            data.customer_id,
            data.service_level,
            data.plan,
            data.word_count,
            data.unit_price_minor,
            data.price_minor,
            data.currency
        from events
    )

select *
from final

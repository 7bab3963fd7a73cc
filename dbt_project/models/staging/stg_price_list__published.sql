with
    events as (select * from {{ source("events", "price_list_published") }}),

    final as (
        select
            object_id as price_list_id,
            {{ factlog.event_columns() }},
            data.valid_from as valid_from_date,
            data.prices
        from events
    )

select *
from final

with
    events as (select * from {{ source("events", "editor_joined") }}),

    final as (
        select
            object_id as editor_id,
            {{ factlog.event_columns() }},
            data.name,
            data.country,
            data.fee_per_word_minor,
            data.currency
        from events
    )

select *
from final

{{
    config(
        materialized="fact",
        key="object_id",
        events="int_corrections",
        lookups="int_amounts",
        day="occurred_date",
    )
}}

with
    corrections as (select * from {{ factlog.events() }}),

    amounts as (
        select int_amounts.*
        from {{ ref("int_amounts") }} as int_amounts
        semi join corrections using (source, object_id)
    ),

    -- An event may be put in the place of one of another currency: then each has a row of its own.
    parts as (
        select
            source,
            event_id,
            subject,
            currency,
            if(has_effect, 0, null) as before,
            if(has_effect, 0, null) as after
        from corrections
        join amounts using (source, event_id)
        union all
        select corrections.source, corrections.event_id, subject, currency, amount_minor, 0
        from corrections
        join
            amounts
            on corrections.source = amounts.source
            and corrections.replaced_event_id = amounts.event_id
        where has_effect
        union all
        select source, event_id, subject, currency, 0, amount_minor
        from corrections
        join amounts using (source, event_id)
        where has_effect and kind = 'corrects'
    ),

    compensated as (
        select
            source,
            event_id,
            subject,
            currency,
            cast(sum(before) as bigint) as before_minor,
            cast(sum(after) as bigint) as after_minor
        from parts
        group by all
    ),

    final as (
        select
            source,
            event_id,
            kind,
            status,
            subject,
            object_id,
            corrected_event_id,
            replaced_event_id,
            corrected_at,
            occurred_at,
            event_date as occurred_date,
            before_minor,
            after_minor,
            coalesce(after_minor - before_minor, 0) as compensation_minor,
            currency
        from compensated
        join corrections using (source, event_id)
    )

select *
from final

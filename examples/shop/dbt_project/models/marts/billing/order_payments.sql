-- Two kinds of events have the key: an order is derived again when either arrives.
{{
    config(
        materialized="fact",
        key="order_id",
        events=["stg_payment__received", "stg_payment__refunded"],
    )
}}

with
    received as (
        select order_id, amount_minor as paid_minor, 0 as refunded_minor
        from {{ factlog.events("stg_payment__received") }}
    ),

    refunded as (
        select order_id, 0 as paid_minor, amount_minor as refunded_minor
        from {{ factlog.events("stg_payment__refunded") }}
    ),

    final as (
        select
            order_id,
            cast(sum(paid_minor) as bigint) as paid_minor,
            cast(sum(refunded_minor) as bigint) as refunded_minor
        from
            (
                select *
                from received
                union all
                select *
                from refunded
            )
        group by order_id
    )

select *
from final

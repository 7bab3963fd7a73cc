-- A fact: one row per order, kept up to date by its key. A refresh derives the orders anew that have new
-- events,
-- from all of their events; of several, the last by `event_order` counts, whenever it arrived.
{{
    config(
        materialized="fact", key="order_id", events="stg_order__placed", day="placed_date", tags=["daily"]
    )
}}

with
    last_placed as ({{ factlog.first_or_last_event("stg_order__placed", "order_id", "last") }}),

    final as (
        select
            order_id, customer_id, occurred_at as placed_at, event_date as placed_date, amount_minor, currency
        from last_placed
    )

select *
from final

-- The key is no object's id: it is whom the orders are of, and null for guests, who are one row together.
{{ config(materialized="fact", key="customer_id", events="stg_order__placed") }}

select
    customer_id,
    count(distinct order_id) as order_count,
    min(event_date) as first_order_date,
    max(event_date) as last_order_date
from {{ factlog.events() }}
group by customer_id

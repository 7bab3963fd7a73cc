{{ config(materialized="fact", key="customer_id", events="stg_line__sold") }}

with
    last_sold as (
        {{ factlog.first_or_last_event("stg_line__sold", "customer_id", "last", per="product_id") }}
    )

select customer_id, product_id, event_id, amount_minor, event_count as line_count
from last_sold

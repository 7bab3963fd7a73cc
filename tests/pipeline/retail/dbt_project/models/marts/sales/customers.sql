{{ config(materialized="fact", key="customer_id", events="int_lines") }}

select customer_id, count(*) as line_count, cast(sum(amount_minor) as bigint) as amount_minor
from {{ factlog.events() }}
group by customer_id

{{ config(materialized="fact", key="invoice_id", events="stg_line__sold", day="invoiced_date") }}

select
    invoice_id,
    count(*) as line_count,
    cast(sum(amount_minor) as bigint) as amount_minor,
    min(event_date) as invoiced_date
from {{ factlog.events() }}
group by invoice_id

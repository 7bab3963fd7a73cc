{{ config(materialized="fact", key=["invoice_id", "event_date"], events="stg_line__sold", day="event_date") }}

select invoice_id, event_date, count(*) as line_count
from {{ factlog.events() }}
group by all

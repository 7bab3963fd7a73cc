{{ config(materialized="fact", key="invoice_id", events="stg_line__sold") }}

-- An invoice has no row until it is large: what it holds by then came with any commit.
select invoice_id, count(*) as line_count
from {{ factlog.events() }}
group by invoice_id
having count(*) > 1

-- A report: a plain table over facts, built anew in every refresh.
select placed_date, currency, count(*) as order_count, cast(sum(amount_minor) as bigint) as revenue_minor
from {{ ref("orders") }}
group by all

{{ config(severity="warn") }}

-- Only a warning: customers do pay late.
select invoice_id, customer_id, due_date, paid_at
from {{ ref("invoices") }}
where is_paid_late

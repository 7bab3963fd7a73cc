select
    object_id as line_id,
    {{ factlog.event_columns() }},
    data.invoice_id,
    data.product_id,
    data.customer_id,
    data.quantity,
    data.amount_minor
from {{ source("events", "line_returned") }}

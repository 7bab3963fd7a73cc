{{ config(severity="warn") }}

-- Nothing delivered in a month that was invoiced is left out. Only a warning: what lands after its month's
-- invoice
-- was issued is real usage, and has to be billed by hand.
select *
from {{ ref("reconciliation") }}
where status = 'underinvoiced'

-- Nobody is billed for what was not delivered: the lines of invoices add up to the usage of their month.
select * from {{ ref("reconciliation") }} where status = 'overinvoiced'

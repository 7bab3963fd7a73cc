select *
from {{ ref("stg_line__sold") }}
union all by name
select * replace (- quantity as quantity, - amount_minor as amount_minor)
from {{ ref("stg_line__returned") }}

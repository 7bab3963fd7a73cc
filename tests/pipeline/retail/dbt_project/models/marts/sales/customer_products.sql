{{
    config(
        materialized="fact",
        key=["customer_id", "product_id"],
        events=["stg_line__sold", "stg_line__returned"],
    )
}}

with
    sold as (
        select customer_id, product_id, cast(sum(quantity) as bigint) as sold_quantity
        from {{ factlog.events("stg_line__sold") }}
        group by all
    ),

    returned as (
        select customer_id, product_id, cast(sum(quantity) as bigint) as returned_quantity
        from {{ factlog.events("stg_line__returned") }}
        group by all
    )

select
    coalesce(sold.customer_id, returned.customer_id) as customer_id,
    coalesce(sold.product_id, returned.product_id) as product_id,
    coalesce(sold_quantity, 0) as sold_quantity,
    coalesce(returned_quantity, 0) as returned_quantity
from sold
full join
    returned
    on sold.customer_id is not distinct from returned.customer_id
    and sold.product_id = returned.product_id

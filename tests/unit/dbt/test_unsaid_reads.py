"""Tables that a node names without `ref` or `source`, and hooks that write: expect each to be found.

Belongs here: code as dbt makes it. Not here: what reads beyond the warehouse (`test_outside_reads`).
"""

from typing import Any

import pytest

from orchestration.dbt.unsaid_reads import unsaid_reads

EVENTS = ["order_placed", "corrections"]
SAID = [
    'select * from "shop"."sales"."orders" as orders where orders.total > 1',
    'select * from "shop"."events"."order_placed"',
    "with events as (select 1 as day) select events.day, sales.total from events, sales",
    "select 1 -- from crm.customers",
    'select customers from "shop"."sales"."orders"',
]
UNSAID = [
    'select * from "shop"."crm"."customers"',
    "select * from crm . Customers",
    "select * from customers_by_name",
    'select * from "Odd schema"."It is fine, really"',
    "select * from events.corrections",
    "select * from audit.build",
]


def manifest(**node: Any) -> dict[str, Any]:
    names = {
        "customers": "crm",
        "orders": "sales",
        "report": "sales",
        "customers_by_name": "main",
        "It is fine, really": "Odd schema",
    }
    nodes = {
        f"model.shop.{name}": {
            "resource_type": "model",
            "schema": schema,
            "alias": name,
            "raw_code": "select 1",
            "compiled_code": "select 1",
            "config": {"materialized": "table"},
            "depends_on": {"nodes": [], "macros": []},
        }
        for name, schema in names.items()
    }
    nodes["model.shop.report"] |= {
        "depends_on": {
            "nodes": ["model.shop.orders", "source.shop.events.order_placed"],
            "macros": ["macro.shop.names"],
        },
        **node,
    }
    sources = {"source.shop.events.order_placed": {"schema": "events", "identifier": "order_placed"}}
    macros = {"macro.shop.names": {"package_name": "shop", "macro_sql": "select 1", "depends_on": {}}}
    return {"nodes": nodes, "sources": sources, "macros": macros, "unit_tests": {}}


def found(read: dict[str, Any]) -> set[str]:
    return unsaid_reads(read, EVENTS, read["nodes"])


@pytest.mark.parametrize("sql", SAID)
def test_what_a_node_refers_to_is_said(sql: str) -> None:
    assert found(manifest(compiled_code=sql)) == set()


@pytest.mark.parametrize("sql", UNSAID)
def test_a_table_that_is_only_named_is_found(sql: str) -> None:
    assert found(manifest(compiled_code=sql)) == {"model.shop.report"}
    assert found(manifest(raw_code=f"{{{{ run_query({sql!r}) }}}}")) == {"model.shop.report"}
    called = manifest()
    called["macros"]["macro.shop.names"]["macro_sql"] = sql
    assert found(called) == {"model.shop.report"}


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ("create or replace temp table step as select 1", False),
        ("insert into notes values (1)", True),
        ("create table sales.notes as select 1", True),
        ("create or replace table sales.notes as select 1", True),
        ("drop table sales.orders", True),
    ],
)
def test_a_hook_that_writes_is_found(sql: str, writes: bool) -> None:
    config = {"materialized": "table", "post-hook": [{"sql": sql}]}
    assert bool(found(manifest(config=config))) == writes

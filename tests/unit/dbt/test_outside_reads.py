"""What a project reads besides events and its own files: given code, expect what moves by itself."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt.outside_reads import outside_of_builds, outside_reads

PROFILE = """
shop:
  target: warehouse
  outputs:
    warehouse:
      type: duckdb
      path: "{{ env_var('FACTLOG_HOME') ~ '/warehouse.duckdb' }}"
      plugins: [{module: orchestration.warehouse.dbt_plugin}]
"""
SETTLED = [
    "select date_trunc('month', occurred_at) as month, sum(amount_minor) from events.line_sold group by all",
    "select updated_at, knowing, current_state from sales.orders -- now(), random()",
    "select extract(year from due_date) as \"year\", 'current' as state /* current_date */ from sales.orders",
]
MOVING = [
    "select current_date as day",
    "select now() - occurred_at as since from sales.orders",
    "select age (occurred_at) from sales.orders",
    "select gen_random_uuid() as id",
    "select * from sales.orders using  sample 10",
    "select * from read_csv('rates.csv')",
    "select * from 'rates.parquet'",
    'select * from "rates.parquet"',
    "select * from rates.csv",
    "select * from 'https://rates.example/today'",
    "select * from duckdb_settings()",
    "select count(*) from information_schema.tables",
]


ORDERS = "model.shop.orders"


def of_orders(manifest: dict[str, Any]) -> list[str]:
    return outside_reads(manifest, [ORDERS]).get(ORDERS, [])


def manifest(**node: Any) -> dict[str, Any]:
    model = {
        "resource_type": "model",
        "original_file_path": "models/marts/orders.sql",
        "raw_code": "select 1",
        "compiled_code": "select 1",
        "config": {"materialized": "table"},
        "depends_on": {"nodes": [], "macros": []},
        **node,
    }
    return {"nodes": {ORDERS: model}, "sources": {}, "macros": {}, "unit_tests": {}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "profiles.yml").write_text(PROFILE)
    return tmp_path


@pytest.mark.parametrize("sql", SETTLED)
def test_sql_over_events_gives_the_same_at_any_time(sql: str) -> None:
    assert of_orders(manifest(compiled_code=sql, raw_code=sql)) == []


@pytest.mark.parametrize("sql", MOVING)
def test_sql_that_may_give_something_else_is_found(sql: str) -> None:
    assert of_orders(manifest(compiled_code=sql))


@pytest.mark.parametrize(
    "node",
    [
        {"raw_code": "select '{{ run_started_at }}' as at"},
        {"raw_code": "select '{{ modules.datetime.date.today() }}' as day"},
        {"compiled_code": None},
        {"language": "python"},
        {"original_file_path": "../shared/orders.sql"},
        {"config": {"materialized": "table", "post-hook": [{"sql": "copy sales.orders to 'orders.csv'"}]}},
        {"config": {"materialized": "table", "pre-hook": [{"sql": "attach 'rates.db'"}]}},
    ],
)
def test_nodes_that_may_give_something_else_are_found(node: dict[str, Any]) -> None:
    assert of_orders(manifest(**node))


def test_sources_besides_events_macros_and_hooks_of_builds_are_found(project: Path) -> None:
    read = manifest(depends_on={"nodes": ["source.shop.crm.users", "source.shop.events.a"], "macros": []})
    read["sources"] = {
        "source.shop.crm.users": {"schema": "crm", "identifier": "users"},
        "source.shop.events.a": {"schema": "events", "identifier": "a"},
    }
    assert of_orders(read) == ["source.shop.crm.users"]
    called = manifest(depends_on={"nodes": [], "macros": ["macro.shop.day", "macro.dbt.now"]})
    called["macros"] = {
        "macro.shop.day": {"package_name": "shop", "macro_sql": "select current_date"},
        "macro.dbt.now": {"package_name": "dbt", "macro_sql": "select current_timestamp"},
    }
    assert of_orders(called) == ["macro.shop.day: current_date"]
    hooked = manifest()
    hooked["nodes"]["operation.shop.start"] = {"resource_type": "operation"}
    assert outside_of_builds(hooked, project) == ["operation.shop.start: a hook of every build"]


@pytest.mark.parametrize(
    "profile",
    [
        PROFILE + "      attach: [{path: crm.duckdb}]\n",
        PROFILE.replace("plugins: [", "plugins: [{module: excel}, "),
        "shop: [",
        "shop",
    ],
)
def test_a_profile_that_opens_more_is_found(project: Path, profile: str) -> None:
    (project / "profiles.yml").write_text(profile)
    assert outside_of_builds(manifest(), project)

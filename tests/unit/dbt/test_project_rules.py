"""What a dbt project must have: given nodes, expect what is refused."""

from typing import Any

import pytest

from event_archive import UnusableInput
from orchestration.dbt.project_rules import check_names


def manifest(*relations: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "nodes": {
            f"{kind}.shop.{number}": {
                "resource_type": kind,
                "schema": schema,
                "alias": alias,
                "raw_code": "select 1",
                "config": {"materialized": "table"},
                "original_file_path": f"{kind}s/{number}",
            }
            for number, (kind, schema, alias) in enumerate(relations)
        }
    }


@pytest.mark.parametrize(
    "relations",
    [
        [("model", "sales", "orders"), ("model", "sales", "Orders")],
        [("model", "sales", "orders"), ("model", "Sales", "ORDERS")],
        [("model", "sales", "orders"), ("seed", "sales", "Orders")],
    ],
)
def test_relations_that_duckdb_does_not_tell_apart(relations: list[tuple[str, str, str]]) -> None:
    first, second = (f"{schema}.{alias}" for _, schema, alias in relations)
    with pytest.raises(
        UnusableInput, match=f"makes {second}, which DuckDB does not tell from {first} of mode"
    ):
        check_names(manifest(*relations))


def test_names_that_differ_by_more() -> None:
    check_names(
        manifest(
            ("model", "sales", "orders"),
            ("model", "billing", "Orders"),
            ("model", "sales", "É"),
            ("model", "sales", "é"),
            ("model", "sales", "orders_"),
        )
    )

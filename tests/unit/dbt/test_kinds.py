"""Kinds of dbt's nodes: given nodes, expect what is built, published, and given again by the log."""

from typing import Any

import pytest

from orchestration.dbt.kinds import built_nodes, folders, marts, name_of, not_of_the_log, relations


def node(kind: str, *fqn: str, reads: str | None = None, **more: object) -> dict[str, Any]:
    """A node of dbt's graph; a seed is said to depend on no node, not even on none."""
    return {
        "resource_type": kind,
        "fqn": ["shop", *fqn],
        "schema": "shop",
        "alias": fqn[-1],
        "raw_code": "" if kind == "seed" else "select 1",
        "config": {"materialized": more.pop("materialized", kind)},
        "depends_on": {} if kind == "seed" else {"nodes": [reads] if reads else []},
        **more,
    }


MANIFEST: dict[str, Any] = {
    "nodes": {
        "model.shop.sales": node("model", "marts", "sales", materialized="table"),
        "model.shop.labels.v2": node("model", "marts", "labels", "v2", version=2),
        "model.shop.marts": node("model", "marts"),
        "model.shop.marts.v1": node("model", "marts", "v1", version=1),
        "model.shop.part": node(
            "model", "marts", "part", materialized="ephemeral", reads="snapshot.shop.kept"
        ),
        "model.shop.empty": node("model", "marts", "empty", raw_code=" \n"),
        "model.shop.report": node("model", "marts", "deep", "report", reads="model.shop.part"),
        "model.shop.inner": node("model", "staging", "marts", "inner", reads="seed.shop.prices"),
        "seed.shop.prices": node("seed", "marts", "prices"),
        "seed.shop.owners": node("seed", "owners"),
        "snapshot.shop.kept": node("snapshot", "kept", reads="model.shop.sales"),
        "analysis.shop.look": node("analysis", "analysis", "look"),
        "test.shop.is_right": node("test", "is_right"),
    },
    "sources": {},
    "unit_tests": {"unit_test.shop.sales.adds_up": {}},
    "disabled": {"model.shop.gone": [node("model", "marts", "gone")]},
    "exposures": {"exposure.shop.mail": {}},
}


def test_what_leaves_no_relation_is_not_waited_for() -> None:
    tested = {"test.shop.is_right", "unit_test.shop.sales.adds_up"}
    assert built_nodes(MANIFEST) == {*relations(MANIFEST), *tested}
    without = {"model.shop.part", "model.shop.empty", "analysis.shop.look"}
    assert set(MANIFEST["nodes"]) - set(relations(MANIFEST)) == {*without, "test.shop.is_right"}


def test_the_folder_of_models_seeds_and_snapshots_says_what_is_published() -> None:
    assert set(marts(MANIFEST)) == {
        "model.shop.sales",
        "model.shop.labels.v2",
        "model.shop.report",
        "seed.shop.prices",
    }
    assert folders(MANIFEST["nodes"]["model.shop.labels.v2"]) == ["marts"]


def test_no_log_gives_a_snapshot_again_nor_what_reads_one() -> None:
    assert set(not_of_the_log(MANIFEST)) == {"snapshot.shop.kept", "model.shop.report"}


@pytest.mark.parametrize(
    ("unique_id", "name"),
    [
        ("model.shop.sales", "sales"),
        ("model.shop.labels.v2", "labels.v2"),
        ("seed.shop.prices", "prices"),
        ("test.shop.unique_sales_id.1a2b", "unique_sales_id"),
        ("unit_test.shop.sales.adds_up", "sales.adds_up"),
    ],
)
def test_a_node_is_named_so_that_it_is_told_from_others(unique_id: str, name: str) -> None:
    assert name_of(unique_id) == name

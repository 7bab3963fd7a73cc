"""What models declare and are derived from: given a manifest of dbt, expect events and keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.dbt.graph import fact_key, in_order, key_views_of, read_manifest, upstream, views_of


def node(*depends_on: str, events: object = None, key: object = "id") -> dict[str, Any]:
    """A model of dbt's graph."""
    return {
        "resource_type": "model",
        "schema": "shop",
        "alias": "sales",
        "config": {"materialized": "fact", "key": key, "events": events},
        "depends_on": {"nodes": list(depends_on)},
    }


def source(identifier: str, schema: str = "events") -> dict[str, Any]:
    """A source of dbt's graph."""
    return {"resource_type": "source", "schema": schema, "identifier": identifier}


def manifest_of(fact: dict[str, Any]) -> dict[str, Any]:
    """Views over two event types, of one as they came, one view of both, and a fact."""
    return {
        "sources": {
            "source.shop.events.requested": source("translation_requested"),
            "source.shop.events.delivered": source("translation_delivered__all"),
            "source.shop.elsewhere.requested": source("translation_requested", schema="other"),
        },
        "macros": {},
        "nodes": {
            "model.shop.fact": fact,
            "model.shop.stg_requested": node("source.shop.events.requested"),
            "model.shop.stg_delivered": node(
                "source.shop.events.delivered", "source.shop.elsewhere.requested"
            ),
            "model.shop.all": node("model.shop.stg_delivered", "model.shop.stg_requested"),
        },
    }


def test_a_model_is_derived_from_the_events_below_it() -> None:
    manifest = manifest_of(node("model.shop.all"))
    assert views_of(manifest, "model.shop.fact") == {"translation_requested", "translation_delivered"}
    assert views_of(manifest, "model.shop.stg_delivered") == {"translation_delivered"}
    assert set(upstream(manifest, "model.shop.stg_requested")) == {
        "model.shop.stg_requested",
        "source.shop.events.requested",
    }


def test_models_come_after_those_that_they_read() -> None:
    ordered = [
        sorted(model["depends_on"]["nodes"]) for model in in_order(manifest_of(node("model.shop.all")))
    ]
    assert ordered[-1] == ["model.shop.all"]
    assert ordered[-2] == ["model.shop.stg_delivered", "model.shop.stg_requested"]


@pytest.mark.parametrize(
    ("events", "views"),
    [
        ("stg_requested", {"translation_requested"}),
        ("all", {"translation_requested", "translation_delivered"}),
        ("events.delivered", {"translation_delivered"}),
        ("elsewhere.requested", set()),
        (["stg_requested", "events.delivered"], {"translation_requested", "translation_delivered"}),
    ],
)
def test_the_keys_of_a_fact_come_from_the_relations_that_it_names(events: object, views: set[str]) -> None:
    reads = "model.shop.stg_delivered", "model.shop.stg_requested", "model.shop.all"
    sources = "source.shop.events.delivered", "source.shop.elsewhere.requested"
    manifest = manifest_of(node(*reads, *sources, events=events))
    assert key_views_of(manifest, "model.shop.fact") == views


def test_the_key_of_a_fact_is_one_column_or_several() -> None:
    assert fact_key(node(key="id")) == ("id",)
    assert fact_key(node(key=["type", "id"])) == ("type", "id")
    assert fact_key(node(key=None)) == ()


def test_nodes_come_by_file_however_dbt_parsed_them(tmp_path: Path) -> None:
    files = {"model.shop.sizes": "models/sizes.sql", "model.shop.Sizes": "models/Sizes.sql"}
    nodes = {unique_id: {"original_file_path": file} for unique_id, file in files.items()}
    for order in (list(nodes), list(nodes)[::-1]):
        written = tmp_path / "manifest.json"
        written.write_text(json.dumps({"nodes": {unique_id: nodes[unique_id] for unique_id in order}}))
        assert list(read_manifest(written)["nodes"]) == ["model.shop.Sizes", "model.shop.sizes"]

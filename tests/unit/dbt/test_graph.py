"""What models declare and are derived from: given a manifest of dbt, expect events and keys."""

from typing import Any

import pytest

from event_archive import UnusableInput
from orchestration.dbt.graph import in_order, key_views_of, object_key, upstream, views_of


def node(*depends_on: str, code: str = "", key: object = "id") -> dict[str, Any]:
    """A model of dbt's graph."""
    return {
        "resource_type": "model",
        "schema": "shop",
        "alias": "sales",
        "raw_code": code,
        "config": {"materialized": "incremental", "unique_key": key},
        "depends_on": {"nodes": list(depends_on)},
    }


def source(identifier: str, schema: str = "events") -> dict[str, Any]:
    """A source of dbt's graph."""
    return {"resource_type": "source", "schema": schema, "identifier": identifier}


def manifest_of(fact: dict[str, Any]) -> dict[str, Any]:
    """Views over two event types, one of both, and a fact."""
    return {
        "sources": {
            "source.shop.events.requested": source("translation_requested"),
            "source.shop.events.delivered": source("translation_delivered"),
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


def key_views(code: str, key: object = "id") -> frozenset[str]:
    """The views that a fact of this code takes its keys from."""
    reads = "model.shop.stg_delivered", "model.shop.stg_requested", "model.shop.all"
    sources = "source.shop.events.delivered", "source.shop.elsewhere.requested"
    return key_views_of(manifest_of(node(*reads, *sources, code=code, key=key)), "model.shop.fact")


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
        ('ref("stg_requested")', {"translation_requested"}),
        ("ref('all')", {"translation_requested", "translation_delivered"}),
        ('source("events", "delivered")', {"translation_delivered"}),
        ('source("elsewhere", "requested")', set()),
    ],
)
def test_the_keys_of_a_fact_come_from_the_relation_that_it_names(events: str, views: set[str]) -> None:
    assert key_views(f'with to_derive as ({{{{ keys_to_derive("id", {events}) }}}})') == views


@pytest.mark.parametrize(
    ("code", "key", "error"),
    [
        (
            "select 1",
            "id",
            'shop.sales: a fact has to say where its keys come from: keys_to_derive("<key>"',
        ),
        (
            '{{ keys_to_derive("id", events) }}',
            "id",
            "shop.sales: a fact has to say where its keys come from",
        ),
        (
            '{{ keys_to_derive("no", ref("all")) }}',
            "id",
            "shop.sales: keys_to_derive finds no, but unique_key",
        ),
        (
            '{{ keys_to_derive("id", ref("gone")) }}',
            "id",
            "shop.sales: keys_to_derive names gone, which",
        ),
        ('{{ keys_to_derive("id", ref("all")) }}', None, "shop.sales: a fact needs unique_key, one column"),
    ],
)
def test_a_fact_that_does_not_declare_its_keys_is_an_error_of_one_line(
    code: str, key: object, error: str
) -> None:
    with pytest.raises(UnusableInput) as raised:
        key_views(code, key)
    assert str(raised.value).startswith(error)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("key", [None, ["id", "day"]])
def test_the_key_of_a_fact_is_one_column(key: object) -> None:
    assert object_key(node()) == "id"
    with pytest.raises(UnusableInput, match=r"shop\.sales: a fact needs unique_key"):
        object_key(node(key=key))

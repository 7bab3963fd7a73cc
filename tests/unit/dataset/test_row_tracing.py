"""What tells rows apart and where they come from: given dbt's manifest, expect keys and traces."""

from typing import Any

import pytest

from event_archive import UnusableInput
from orchestration.dataset.key_tracing import KeyTrace, ViewDefinition
from orchestration.dataset.row_tracing import (
    EventTrace,
    MartDescription,
    RowTrace,
    describe_marts,
    traces_from_json,
    traces_to_json,
)


def mart(name: str, *columns: str, reads: tuple[str, ...] = (), **config: object) -> dict[str, Any]:
    """A model that is published."""
    return {
        "resource_type": "model",
        "fqn": ["shop", "marts", name],
        "schema": "shop",
        "alias": name,
        "raw_code": "select 1",
        "columns": {column: {"config": {"meta": {}}} for column in columns},
        "config": {"materialized": "table", "meta": {}, **config},
        "depends_on": {"nodes": list(reads)},
        "tags": [],
    }


def proof(name: str, model: str, **kwargs: object) -> dict[str, Any]:
    """A test of a model."""
    return {
        "resource_type": "test",
        "test_metadata": {"name": name, "kwargs": kwargs},
        "attached_node": f"model.{model}",
        "config": {"severity": "ERROR", "where": None},
        "depends_on": {"nodes": []},
    }


def manifest(report: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Two facts and a report, over two event types."""
    fact = {"materialized": "fact", "key": ["sale_id"], "events": "stg_sales"}
    reads = ("model.stg_sales", "source.corrections")
    return {
        "sources": {
            "source.made": {"schema": "events", "identifier": "sale_made"},
            "source.corrections": {"schema": "events", "identifier": "corrections"},
            "source.opened": {"schema": "events", "identifier": "shop_opened"},
        },
        "nodes": {
            "model.stg_sales": {
                **mart("stg_sales", reads=("source.made",), materialized="view"),
                "fqn": ["shop", "staging", "stg_sales"],
                "schema": "staging",
            },
            "model.sales": mart("sales", "sale_id", "day", "last_sequence", reads=reads, **fact),
            "model.report": report,
            "test.sales": proof("unique", "sales", column_name="sale_id"),
            "test": proof("unique_combination", "report", columns=["day", "town"]),
            **more,
        },
    }


def note_of(report: dict[str, Any], *, table: str = "shop.report", **more: Any) -> MartDescription:
    """What is noted of one mart."""
    return next(note for note in describe_marts(manifest(report, more)) if note.table == table)


SALES = ("model.sales", "source.opened")


def test_a_fact_is_traced_by_its_key_through_the_views_of_its_events() -> None:
    staging = "staging.stg_sales"
    trace = KeyTrace(("sale_id",), (staging,), ("sale_made",), (ViewDefinition(staging),))
    note = note_of(mart("report"), table="shop.sales")
    assert note == MartDescription("shop.sales", ("sale_id",), (trace,), ("last_sequence", "first_sequence"))
    assert traces_from_json(traces_to_json(note.traced_to)) == note.traced_to


def test_a_report_is_traced_by_columns_that_a_fact_has_too() -> None:
    by_day = proof("unique", "report", column_name="day")
    note = note_of(mart("report", "day", "sum", reads=SALES), test=by_day)
    assert (note.row_key, note.traced_to) == (("day",), (RowTrace("shop.sales", {"day": "day"}),))
    assert note_of(mart("report", "day", "town", reads=SALES)).traced_to == (), "sales know no town"


def test_a_report_is_traced_as_its_yaml_says() -> None:
    declared = [
        {"table": "shop.sales", "by": {"month": {"month_of": "day"}}},
        {"object_id": "town", "events": ["shop_opened"]},
        {"object_id": "town", "object_type": "month"},
    ]
    note = note_of(mart("report", "month", "town", reads=SALES, meta={"traced_to": declared}))
    assert note.traced_to == (
        RowTrace("shop.sales", {"month": "day"}, frozenset({"month"})),
        EventTrace("town", ("shop_opened",)),
        EventTrace("town", ("sale_made", "shop_opened"), "month"),
    )
    assert traces_from_json(traces_to_json(note.traced_to)) == note.traced_to


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("sales", "not a list"),
        (["sales"], '"sales" is neither {object_id} nor {table, by}'),
        ([{"table": "shop.buys", "by": {"day": "day"}}], "shop.buys is no mart"),
        ([{"table": "shop.sales", "by": {}}], "is neither"),
        ([{"table": "shop.sales", "by": {"dy": "day"}}], "shop.report describes no column dy"),
        ([{"table": "shop.sales", "by": {"day": "1; drop"}}], "shop.sales describes no column 1; drop"),
        ([{"table": "shop.sales", "by": {"day": {"year_of": "day"}}}], "is not {month_of: column}"),
        ([{"object_id": "town", "events": ["sale_lost"]}], "are not among those that the model reads"),
        ([{"object_id": "city"}], "shop.report describes no column city"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_one_line(declared: object, reason: str) -> None:
    with pytest.raises(UnusableInput) as error:
        note_of(mart("report", "day", "town", reads=SALES, meta={"traced_to": declared}))
    assert str(error.value).startswith("shop.report: meta traced_to: ")
    assert reason in str(error.value)


def test_a_test_that_only_warns_or_looks_at_some_rows_proves_no_key() -> None:
    for config in ({"severity": "warn", "where": None}, {"severity": "error", "where": "day > 1"}):
        weak = proof("unique", "report", column_name="day") | {"config": config}
        assert note_of(mart("report", "day", "town"), test=weak).row_key == ()


def test_the_shortest_key_counts_and_of_two_the_one_that_stands_first() -> None:
    second = proof("unique", "report", column_name="second")
    first = proof("unique", "report", column_name="first")
    assert note_of(mart("report", "first", "second", "day", "town"), second=second, first=first).row_key == (
        "first",
    )


def test_columns_that_are_marked_say_when_something_landed() -> None:
    report = mart("report", "day", "landed_at")
    report["columns"]["landed_at"]["config"]["meta"] = {"says_when_landed": True}
    assert note_of(report).landing_columns == ("landed_at",)


def test_a_fact_says_between_which_commits_its_events_landed_whatever_it_describes() -> None:
    assert note_of(mart("report", "day"), table="shop.sales").landing_columns == (
        "last_sequence",
        "first_sequence",
    )


@pytest.mark.parametrize("key", ["day", ["day", "town"]])
def test_a_row_for_each_key_tells_rows_apart(key: object) -> None:
    held = proof("one_row_per_key", "report", key=key, upstream="ref('stg_sales')")
    report = mart("report", "day", "town")
    assert note_of(report, test=held).row_key == (("day",) if key == "day" else ("day", "town"))


def test_a_schema_of_marts_has_no_dot_in_its_name() -> None:
    report = mart("report", "day") | {"schema": "shop.north"}
    with pytest.raises(UnusableInput, match=r"shop\.north\.report: a schema of marts has no dot") as raised:
        describe_marts(manifest(report, {}))
    assert "\n" not in str(raised.value)


def test_a_test_of_a_source_proves_nothing_and_a_quoted_column_is_named_as_it_is() -> None:
    tests = {
        "test.source": proof("unique", "sales", column_name="id") | {"attached_node": None},
        "test.quoted": proof("unique", "report", column_name='"The ""day"""'),
    }
    described = {mart.table: mart for mart in describe_marts(manifest(mart("report", "day"), tests))}
    assert described["shop.report"].row_key == ('The "day"',)

"""Majors side by side: given events of v1, v2 and v3, expect the view to show all of them as v3."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from event_archive import Archive, Landed, UnusableInput, create_views
from event_archive.evolution.trial import try_contract
from event_archive.registry import contract
from support.events import contract_file, contracts_in, land_bytes, lines, rejected

ONE = contract_file(
    "parcel.sent.v1",
    {
        "type": "object",
        "required": ["customer", "weight"],
        "properties": {"customer": {"type": "string"}, "weight": {"type": "string"}},
    },
)
TWO = contract_file(
    "parcel.sent.v2",
    {
        "type": "object",
        "required": ["customer_id", "grams"],
        "properties": {"customer_id": {"type": "string"}, "grams": {"type": "integer"}},
    },
    upcast_from_v1={"rename": {"customer_id": "customer", "grams": "weight"}, "cast": ["grams"]},
)
THREE = contract_file(
    "parcel.sent.v3",
    {
        "type": "object",
        "required": ["customer_number", "grams", "is_heavy"],
        "properties": {
            "customer_number": {"type": "integer"},
            "grams": {"type": "integer"},
            "is_heavy": {"type": "boolean"},
        },
    },
    upcast_from_v2={
        "expression": {
            "customer_number": "CAST(replace(customer_id, 'cus_', '') AS BIGINT)",
            "is_heavy": "grams > 1000",
        }
    },
)


def sent(major: int, number: int, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "/post",
        "type": f"parcel.sent.v{major}",
        "time": f"2026-01-{number:02d}T09:00:00Z",
        "actor": "clerk/ada",
        "object": f"parcel/{number}",
        "data": data,
    }


def rows(archive: Archive) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        create_views(connection, archive)
        columns = "object_id, sequence, data.customer_number, data.grams, data.is_heavy"
        query = f"SELECT {columns} FROM events.parcel_sent ORDER BY occurred_at"
        return connection.execute(query).fetchall()


def land_all(archive: Archive, *events: dict[str, Any], name: str = "events.ndjson") -> Landed:
    return land_bytes(archive, lines(events), name)


def test_three_majors_read_as_the_third(tmp_path: Path) -> None:
    archive = Archive(
        tmp_path / "archive", contracts_in(tmp_path / "contracts", ONE, TWO, THREE), may_create=True
    )
    land_all(
        archive,
        sent(3, 3, customer_number=3, grams=30, is_heavy=False),
        sent(1, 1, customer="cus_1", weight="1500"),
        sent(2, 2, customer_id="cus_2", grams=20),
    )
    land_all(archive, sent(1, 4, customer="cus_4", weight="40"), name="later.ndjson")
    assert rows(archive) == [
        ("1", 1, 1, 1500, True),
        ("2", 1, 2, 20, False),
        ("3", 1, 3, 30, False),
        ("4", 2, 4, 40, False),
    ]


def test_what_landed_before_a_new_major_reads_as_it_too(tmp_path: Path) -> None:
    before = Archive(tmp_path / "archive", contracts_in(tmp_path / "contracts", ONE), may_create=True)
    land_all(before, sent(1, 1, customer="cus_1", weight="1500"))
    after = Archive(tmp_path / "archive", contracts_in(tmp_path / "contracts", TWO, THREE))
    assert rows(after) == [("1", 1, 1, 1500, True)]


def test_an_older_event_that_does_not_read_as_the_newest_major_is_refused(tmp_path: Path) -> None:
    """Had it landed, every refresh would fail on it from then on."""
    archive = Archive(
        tmp_path / "archive", contracts_in(tmp_path / "contracts", ONE, TWO, THREE), may_create=True
    )
    landed = land_all(
        archive,
        sent(1, 1, customer="cus_1", weight="heavy"),
        sent(1, 2, customer="cus_2", weight="20"),
        sent(1, 3, customer="Ada", weight="30"),
        sent(2, 4, customer_id="Bob", grams=40),
    )
    assert (landed.counts.received, landed.counts.accepted, landed.counts.rejected) == (4, 1, 3)
    assert rows(archive) == [("2", 1, 2, 20, False)]
    reasons = {event.event_id: (event.reason, event.detail) for event in rejected(archive)}
    assert {reason for reason, _ in reasons.values()} == {"upcast_fails"}
    assert "does not read as parcel.sent.v2: " in reasons["event-1"][1]
    assert 'grams: "heavy" is not exactly a BIGINT' in reasons["event-1"][1]
    assert (
        "does not read as parcel.sent.v3: " in reasons["event-3"][1]
        and 'customer_number: "Ada"' in reasons["event-3"][1]
    )
    assert 'customer_number: "Bob" is not exactly a BIGINT' in reasons["event-4"][1]


def test_a_required_field_that_an_expression_leaves_empty_is_refused(tmp_path: Path) -> None:
    empty = json.loads(json.dumps(TWO))
    empty["upcast_from_v1"] = {
        "rename": {"customer_id": "customer"},
        "expression": {"grams": "TRY_CAST(weight AS BIGINT)"},
    }
    archive = Archive(tmp_path / "archive", contracts_in(tmp_path / "contracts", ONE, empty), may_create=True)
    land_all(archive, sent(1, 1, customer="cus_1", weight="heavy"))
    assert [(event.reason, event.detail) for event in rejected(archive)] == [
        ("upcast_fails", "does not read as parcel.sent.v2: a required field has no value")
    ]


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ((ONE, {**TWO, "upcast_from_v1": None}), 'upcast_from_v1: null is not of type "object"'),
        (
            (ONE, {name: part for name, part in TWO.items() if name != "upcast_from_v1"}),
            "upcast_from_v1: missing",
        ),
        ((ONE, THREE), "let no major be left out"),
        ((TWO,), "there is no contract parcel.sent.v1; restore its file"),
        (
            (ONE, {**TWO, "upcast_from_v3": {}}),
            "upcast_from_v3: parcel.sent.v2 upcasts from the major before it",
        ),
        (({**ONE, "upcast_from_v0": {}},), "upcast_from_v0: parcel.sent.v1 upcasts from the major before it"),
        (
            (ONE, {**TWO, "upcast_from_v1": {}}),
            "customer_id: is required, and the older major has no such field",
        ),
    ],
)
def test_a_chain_with_a_gap_is_refused_when_contracts_are_loaded(
    tmp_path: Path, files: tuple[dict[str, Any], ...], line: str
) -> None:
    with pytest.raises(UnusableInput, match=re.escape(line)) as error:
        contracts_in(tmp_path / "contracts", *files)
    assert "\n" not in str(error.value)


def test_an_upcast_is_compiled_when_contracts_are_loaded_and_not_for_each_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = contracts_in(tmp_path, ONE, TWO, THREE)
    monkeypatch.setattr(contract, "upcast_sql", None)
    assert "cus_" in contracts.upcast(contracts["parcel.sent.v3"])
    assert contracts.upcast(contracts["parcel.sent.v2"]).startswith("CAST(")


ROUNDING = contract_file(
    "parcel.sent.v2",
    {
        "type": "object",
        "required": ["customer", "grams", "is_heavy"],
        "properties": {
            "customer": {"type": "string"},
            "grams": {"type": "integer"},
            "is_heavy": {"type": "boolean"},
        },
    },
    upcast_from_v1={
        "expression": {
            "grams": "CAST(weight AS BIGINT)",
            "is_heavy": "CAST(weight AS BIGINT) < 0 OR CAST(weight AS BIGINT) > 1000",
        }
    },
)


def test_an_upcast_that_would_round_refuses_the_event(tmp_path: Path) -> None:
    archive = Archive(
        tmp_path / "archive", contracts_in(tmp_path / "contracts", ONE, ROUNDING), may_create=True
    )
    weights = ["20", "1500.5", "heavy", "1e3"]
    events = [sent(1, n, customer="cus_1", weight=weight) for n, weight in enumerate(weights, 1)]
    assert land_all(archive, *events).counts.accepted == 2
    rounded, no_number = sorted(event.detail for event in rejected(archive))
    assert rounded.startswith("does not read as parcel.sent.v2: ")
    assert '"1500.5" is not exactly a BIGINT; read all its decimals and round by name' in rounded
    assert no_number.endswith(': "heavy" is not exactly a BIGINT')
    with duckdb.connect() as connection:
        create_views(connection, archive)
        read = connection.execute("SELECT data.grams FROM events.parcel_sent ORDER BY 1").fetchall()
    assert read == [(20,), (1000,)]


def test_an_upcast_written_later_never_serves_a_rounded_value(tmp_path: Path) -> None:
    """A field has the same cast twice: the engine computes it once, and has to try it all the same."""
    before = Archive(tmp_path / "archive", contracts_in(tmp_path / "one", ONE), may_create=True)
    events = [sent(1, n, customer="cus_1", weight=weight) for n, weight in enumerate(["20", "1500.5"], 1)]
    assert land_all(before, *events).counts.accepted == 2
    contracts = contracts_in(tmp_path / "two", ONE, ROUNDING)
    after = Archive(tmp_path / "archive", contracts)
    with duckdb.connect() as connection:
        create_views(connection, after)
        with pytest.raises(duckdb.ConversionException, match=r'"1500\.5" is not exactly a BIGINT'):
            connection.execute("SELECT data.grams FROM events.parcel_sent").fetchall()
    trial = try_contract(after, contracts["parcel.sent.v2"])
    assert trial.rejected == 1

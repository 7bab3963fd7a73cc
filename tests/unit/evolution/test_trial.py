"""Given archived events and a proposed contract, expect which of them it would refuse, and why.

Belongs here: the counts, reasons and examples of a trial. Not here: the command, and who reads the fields.
"""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from event_archive import Archive, UnusableInput
from event_archive.evolution.trial import Days, try_contract
from event_archive.evolution.trial_result import Trial
from event_archive.registry.contract import Contract, load_contract
from support.events import (
    WEIGHED,
    WEIGHED_DATA,
    contract_file,
    contracts_in,
    land_bytes,
    lines,
    new_archive,
    weighed,
)

NEXT = "parcel.weighed.v2"


def weighed_data(**properties: Any) -> dict[str, Any]:
    return {**WEIGHED_DATA, "properties": {**WEIGHED_DATA["properties"], **properties}}


def proposal(folder: Path, event_type: str, data: Any, **changes: Any) -> Contract:
    return contracts_in(folder / "proposed", contract_file(event_type, data, **changes))[event_type]


def proposed_next(folder: Path, data: Any, **rules: Any) -> Contract:
    """A second major; it is loaded beside the first, as a folder must be."""
    files = contract_file(WEIGHED, WEIGHED_DATA), contract_file(NEXT, data, upcast_from_v1=rules)
    return contracts_in(folder / "proposed", *files)[NEXT]


def counts(trial: Trial) -> dict[tuple[str, str, str], int]:
    return {(group.place, group.reason, group.source): group.events for group in trial.ordered()}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Thirty parcels of 0 to 29 grams: two producers, two commits."""
    archive = new_archive(tmp_path)
    first = [weighed(number, data={"tags": ["a", str(number)]}) for number in range(20)]
    second = [
        weighed(number, source="/hub", data={"kind": "box", "address": {"street": "B 1", "floor": number}})
        for number in range(20, 30)
    ]
    assert land_bytes(archive, lines(first), "first.ndjson").counts.accepted == 20
    assert land_bytes(archive, lines(second), "second.ndjson").counts.accepted == 10
    return archive


def test_what_is_archived_passes_its_own_contract(archive: Archive) -> None:
    trial = try_contract(archive, archive.contracts[WEIGHED])
    assert (trial.tried, trial.rejected) == ({WEIGHED: 30}, 0)


def test_a_narrowed_field_is_counted_by_producer_with_examples(archive: Archive, tmp_path: Path) -> None:
    data = weighed_data(grams={"type": "integer", "maximum": 15})
    trial = try_contract(archive, proposal(tmp_path, WEIGHED, data, revision=2))
    assert counts(trial) == {
        ("data.grams", "breaks maximum: 15", "/hub"): 10,
        ("data.grams", "breaks maximum: 15", "/post"): 4,
    }
    (example, *_) = trial.ordered()[1].examples
    assert (example.event_id, example.sequence, example.origin, example.value) == (
        "event-16",
        1,
        "first.ndjson",
        16,
    )
    assert all(len(group.examples) == 3 for group in trial.ordered())


@pytest.mark.parametrize(
    ("name", "narrowed", "value"),
    [
        ("ratio", {"type": "number", "maximum": 0.1}, "0.10000000000000001"),
        (
            "due_at",
            {"type": "string", "format": "date-time", "maxLength": 27},
            "2026-01-01T00:00:00.123456789Z",
        ),
    ],
)
def test_what_a_column_holds_less_of_is_judged_as_it_came(
    tmp_path: Path, name: str, narrowed: dict[str, Any], value: str
) -> None:
    archive = new_archive(tmp_path)
    event = lines([weighed(1, data={"due_at": "2026-01-01T00:00:00.123456789Z"})])
    land_bytes(archive, event.replace(b'"grams":1', b'"grams":1,"ratio":0.10000000000000001'))
    assert try_contract(archive, archive.contracts[WEIGHED]).rejected == 0
    proposed = proposal(tmp_path, WEIGHED, weighed_data(**{name: narrowed}), revision=2)
    (group,) = try_contract(archive, proposed).ordered()
    assert (group.place, str(group.examples[0].value)) == (f"data.{name}", value)


def test_a_field_that_becomes_required_or_unknown(archive: Archive, tmp_path: Path) -> None:
    needs_kind = {**WEIGHED_DATA, "required": [*WEIGHED_DATA["required"], "kind"]}
    trial = try_contract(archive, proposal(tmp_path, WEIGHED, needs_kind, revision=2))
    assert counts(trial) == {("data.kind", "is required, and absent", "/post"): 20}
    closed = {**WEIGHED_DATA, "additionalProperties": False}
    closed["properties"] = {name: part for name, part in WEIGHED_DATA["properties"].items() if name != "tags"}
    (group,) = try_contract(archive, proposal(tmp_path, WEIGHED, closed, revision=2)).ordered()
    assert (group.place, group.source, group.events) == ("data.tags", "/post", 20)


def test_places_within_lists_and_objects(archive: Archive, tmp_path: Path) -> None:
    floor = {"type": "object", "properties": {"street": {"type": "string"}, "floor": {"maximum": 27}}}
    data = weighed_data(tags={"type": "array", "items": {"enum": ["a", "0", "1"]}}, address=floor)
    trial = try_contract(archive, proposal(tmp_path, WEIGHED, data, revision=2))
    assert {(group.place, group.events) for group in trial.ordered()} == {
        ("data.tags[]", 18),
        ("data.address.floor", 2),
    }


def test_who_may_act_is_part_of_the_contract(archive: Archive, tmp_path: Path) -> None:
    narrowed = proposal(tmp_path, WEIGHED, WEIGHED_DATA, actor=["system"])
    trial = try_contract(archive, narrowed)
    assert [(group.place, group.reason) for group in trial.ordered()] == [("actor", "is not system")] * 2


def test_only_the_days_that_are_asked_for(archive: Archive, tmp_path: Path) -> None:
    """Parcel n was weighed on day n % 28 + 1, and the end of a range is not in it."""
    data = weighed_data(grams={"type": "integer", "maximum": 15})
    days = Days(date(2026, 1, 16), date(2026, 1, 18))
    trial = try_contract(archive, proposal(tmp_path, WEIGHED, data), days)
    assert trial.tried == {WEIGHED: 2}
    assert [group.examples[0].event_id for group in trial.ordered()] == ["event-16"]


def test_a_cast_that_fails_is_found_with_its_field_and_value(archive: Archive, tmp_path: Path) -> None:
    data = weighed_data(kind={"type": "integer"})
    trial = try_contract(archive, proposed_next(tmp_path, data, cast=["kind"]))
    assert trial.tried == {WEIGHED: 30}
    assert counts(trial) == {("data.kind", f"does not read as {NEXT}", "/hub"): 10}
    assert "box" in trial.ordered()[0].examples[0].detail


def test_what_an_upcast_gives_is_judged_by_the_new_schema(archive: Archive, tmp_path: Path) -> None:
    properties = {name: part for name, part in WEIGHED_DATA["properties"].items() if name != "grams"}
    properties["weight"] = {"type": "integer", "maximum": 25}
    data = {"type": "object", "required": ["label", "weight", "due_at"], "properties": properties}
    trial = try_contract(archive, proposed_next(tmp_path, data, rename={"weight": "grams"}))
    assert counts(trial) == {("data.weight", "breaks maximum: 25", "/hub"): 4}
    assert sorted(example.value for example in trial.ordered()[0].examples) == [26, 28, 29]


def test_a_good_upcast_refuses_nothing(archive: Archive, tmp_path: Path) -> None:
    data = weighed_data(kind={"type": "string", "enum": ["letter", "box"]}, hub={"type": "boolean"})
    data["required"] = [*WEIGHED_DATA["required"], "kind", "hub"]
    new = proposed_next(tmp_path, data, default={"kind": "letter"}, expression={"hub": "grams >= 20"})
    assert try_contract(archive, new).rejected == 0


def test_an_upcast_that_forgets_a_field_is_unusable(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / f"{NEXT}.yaml"
    path.write_text(
        json.dumps(contract_file(NEXT, weighed_data(grams={"type": "string"}), upcast_from_v1={}))
    )
    with pytest.raises(UnusableInput, match="grams"):
        try_contract(archive, load_contract(path))


def test_a_trial_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    def digests() -> dict[str, str]:
        files = [path for path in archive.root.rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    data = weighed_data(kind={"type": "integer"})
    assert try_contract(archive, proposed_next(tmp_path, data, cast=["kind"])).rejected
    assert digests() == before

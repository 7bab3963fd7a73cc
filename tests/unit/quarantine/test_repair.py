"""Repairs: given refused records and a repair file, expect events, or a reason why not.

Belongs here: what a repair file says and does. Not here: what recovering is otherwise (`test_recover`), and
the expression language (`test_expression`, `test_mapping`).
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from event_archive import Archive, UnusableInput, recover
from event_archive.quarantine.recover import Recovery
from event_archive.quarantine.recovery_outcomes import RejectedRecords
from event_archive.quarantine.repair import load_repair
from event_archive.store.commit import Counts
from support.events import (
    WEIGHED,
    Event,
    archived,
    land_bytes,
    lines,
    lost,
    new_archive,
    same_json,
    text,
    weighed,
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return new_archive(tmp_path)


def repaired(archive: Archive, rules: str) -> Recovery:
    """Recover with a repair of these rules."""
    path = archive.root.parent / "repair.yaml"
    path.write_text("rules:\n" + "".join(f"  {line}\n" for line in rules.strip().splitlines()))
    return recover(archive, repair=load_repair(path))


def broken(number: int, **data: Any) -> Event:
    """An event whose grams are text."""
    return weighed(number, data={"grams": str(number)} | data)


def only(archive: Archive) -> Any:
    (event,) = archived(archive).values()
    return event


def reasons(archive: Archive) -> list[tuple[str, str]]:
    with RejectedRecords(archive) as connection:
        wanted = "SELECT reason, detail FROM records WHERE state = 'refused' ORDER BY position"
        return connection.execute(wanted).fetchall()


REPAIRED: dict[str, tuple[Event, str, Event]] = {
    "a cast": ({"grams": "7"}, "set: {data.grams: CAST(data.grams AS BIGINT)}", {"grams": 7}),
    "a rename": (
        {"grams": "7", "weight": 7},
        "set: {data.grams: data.weight}\n  drop: [data.weight]",
        {"grams": 7},
    ),
    "a constant": ({"grams": None}, "set: {data.grams: {$constant: 0}}", {"grams": 0}),
    "null where the contract has it": (
        {"due_at": 7},
        "set: {data.due_at: {$constant: null}}",
        {"grams": 1, "due_at": None},
    ),
    "a field taken away": ({"kind": "crate"}, "drop: data.kind", {"grams": 1}),
    "an expression that is NULL takes the field away": (
        {"kind": "crate"},
        "set: {data.kind: \"CASE WHEN data.kind = 'box' THEN 'box' END\"}",
        {"grams": 1},
    ),
    "a new object": (
        {"grams": "7", "street": "A"},
        "set: {data.grams: CAST(data.grams AS INTEGER), data.address.street: data.street}\n"
        "  drop: data.street",
        {"grams": 7, "address": {"street": "A"}},
    ),
    "values from the record as it came": (
        {"grams": "box", "kind": "7"},
        "set: {data.grams: CAST(data.kind AS BIGINT), data.kind: data.grams}",
        {"grams": 7, "kind": "box"},
    ),
    "an odd name": (
        {"grams": "7", "odd name": 1, "a.b": 2},
        "set: {data.grams: 'CAST(data.\"odd name\" AS BIGINT)'}\n"
        "  drop: ['data.\"odd name\"', 'data.\"a.b\"']",
        {"grams": 1},
    ),
    "each of a list": (
        {"grams": 7, "pieces": [{"n": "x"}]},
        "set: {data.pieces: {$each: data.pieces, $as: {name: n}}}",
        {"grams": 7, "pieces": [{"name": "x"}]},
    ),
}


@pytest.mark.parametrize("case", REPAIRED)
def test_a_repair_sets_and_drops_fields(archive: Archive, case: str) -> None:
    data, rule, expected = REPAIRED[case]
    land_bytes(archive, lines([weighed(1, data=data)]))
    recovery = repaired(archive, f"{WEIGHED}:\n  {rule}")
    assert recovery.counts == Counts(1, accepted=1), reasons(archive)
    assert recovery.commit
    assert recovery.commit.mapping
    assert only(archive)["data"] == {"label": "parcel 1", "due_at": None} | expected


def test_what_a_rule_does_not_name_keeps_every_digit(archive: Archive) -> None:
    remarks = {"big": 123456789012345678901234567890, "é": "\u2028", "deep": [{"x": Decimal("0.10")}]}
    event = text(broken(1, ratio=0.1)).replace(b'"due_at":null', b'"due_at":null,"remarks":REMARKS')
    held = '{"big":123456789012345678901234567890,"é":"\u2028","deep":[{"x":0.10}]}'
    land_bytes(archive, event.replace(b"REMARKS", held.encode()))
    assert repaired(archive, f"{WEIGHED}:\n  set: {{data.grams: CAST(data.grams AS BIGINT)}}").counts.accepted
    assert same_json(only(archive)["data"]["remarks"]) == same_json(remarks)


def test_a_number_that_the_engine_would_change_is_copied_and_read_as_it_was_written(archive: Archive) -> None:
    event = text(broken(1)).replace(b'"due_at":null', b'"due_at":null,"ratio":0.10000000000000001')
    land_bytes(archive, event)
    sets = (
        "{data.grams: CAST(data.grams AS BIGINT), data.remarks: data.ratio, data.label: concat(data.ratio)}"
    )
    assert repaired(archive, f"{WEIGHED}:\n  set: {sets}").counts == Counts(1, accepted=1), reasons(archive)
    data = only(archive)["data"]
    spelled = "0.10000000000000001"
    assert (str(data["ratio"]), str(data["remarks"]), data["label"]) == (spelled, spelled, spelled)


@pytest.mark.parametrize("number", [b"9" * 6000, b"0." + b"1" * 6000, b"1e99999"])
def test_a_number_beyond_all_bounds_can_be_dropped(archive: Archive, number: bytes) -> None:
    land_bytes(archive, text(weighed(1)).replace(b'"due_at":null', b'"due_at":null,"remarks":' + number))
    assert [reason for reason, _ in reasons(archive)] == ["number_out_of_range"]
    recovery = repaired(
        archive, f"{WEIGHED}:\n  set: {{data.label: lower(data.label)}}\n  drop: [data.remarks]"
    )
    assert recovery.counts == Counts(1, accepted=1), reasons(archive)


def test_the_envelope_can_be_repaired_and_any_expression_chooses(archive: Archive) -> None:
    old = {name: value for name, value in weighed(1).items() if name != "type"} | {"kind": "weighing"}
    land_bytes(archive, lines([old, lost(2)]))
    path = archive.root.parent / "repair.yaml"
    path.write_text(
        f"choose: upper(kind)\nrules: {{WEIGHING: {{set: {{type: {{$constant: {WEIGHED}}}}}, drop: [kind]}}}}"
    )
    assert recover(archive, repair=load_repair(path)).counts == Counts(1, accepted=1)
    assert archived(archive)["/post", "event-1"]["type"] == WEIGHED


def test_a_repair_that_fails_says_where_and_can_be_run_again(archive: Archive) -> None:
    land_bytes(archive, lines([broken(1), broken(2, grams="heavy"), broken(3, address="Ulm"), b"broken"]))
    rule = f"{WEIGHED}:\n  reason: contract_violation\n  set:\n    data.grams: CAST(data.grams AS BIGINT)"
    rules = f"{rule}\n    data.address.floor: {{$constant: 1}}"
    assert repaired(archive, rule).counts == Counts(3, accepted=1, rejected=2)
    assert [reason for reason, _ in reasons(archive)] == [
        "not_repaired",
        "contract_violation",
        "invalid_json",
    ]
    assert 'data.grams: "heavy" is not exactly a BIGINT' in reasons(archive)[0][1]
    assert repaired(archive, rules).counts == Counts(1, rejected=1)
    assert reasons(archive)[1] == (
        "not_repaired",
        "data.address is not an object, so data.address.floor can't be set",
    )
    for _ in range(2):
        assert repaired(archive, rules).commit is None


def test_a_rule_is_for_some_reasons_and_records_only(archive: Archive) -> None:
    records = [broken(1), broken(2), broken(3, actor="robot/7"), weighed(4, actor="robot/7")]
    land_bytes(archive, lines(records))
    cast = "set: {data.grams: CAST(data.grams AS BIGINT)}"
    when = repaired(archive, f"{WEIGHED}:\n  when: data.label = 'parcel 2'\n  {cast}")
    assert (when.counts, when.unchanged) == (Counts(1, accepted=1), 3)
    other = repaired(
        archive, f"{WEIGHED}:\n  reason: [bad_envelope]\n  set: {{actor: {{$constant: clerk/a}}}}"
    )
    assert other.counts == Counts(1, accepted=1)
    assert {event["id"] for event in archived(archive).values()} == {"event-2", "event-4"}


def test_a_repair_that_makes_one_event_of_two_records_lands_one(archive: Archive) -> None:
    land_bytes(archive, lines([broken(1), broken(1), broken(1, grams="2")]))
    recovery = repaired(archive, f"{WEIGHED}:\n  set: {{data.grams: CAST(data.grams AS BIGINT)}}")
    assert recovery.counts == Counts(3, accepted=1, duplicate=1, rejected=1)
    assert reasons(archive)[0][0] == "conflict"
    assert only(archive)["data"]["grams"] == 1


UNUSABLE = {
    "no rules": ("description: x", "a repair needs rules"),
    "an empty file": ("", "the file is empty"),
    "rules that are a list": ("rules: [a]", "rules must be a mapping"),
    "a rule that changes nothing": ("rules: {a: {when: 'TRUE'}}", "rule a changes nothing"),
    "an unknown entry": ("rules: {a: {sets: {}}}", "has no 'sets'"),
    "set as a list": ("rules: {a: {set: [data.x]}}", "set is a mapping"),
    "a field that is an expression": ("rules: {a: {set: {lower(x): y}}}", "'lower(x)' is no field"),
    "a place in a list": ("rules: {a: {drop: ['data.x[1]']}}", "is no field"),
    "a field in a field": ("rules: {a: {set: {data: x, data.y: z}}}", "a field inside of it"),
    "set and dropped within": ("rules: {a: {set: {data.x: y}, drop: [data]}}", "a field inside of it"),
    "SQL": ("rules: {a: {set: {x: (SELECT 1)}}}", "line 1"),
    "a file": ("rules: {a: {set: {x: \"read_text('/etc/passwd')\"}}}", "line 1"),
    "when is no condition": ("rules: {a: {when: data.x, drop: [y]}}", "when gives VARCHAR"),
    "when is nonsense": ("rules: {a: {when: '1 +', drop: [y]}}", "line 1"),
    "a list in a list": ("rules: {a: {drop: [[y]]}}", "drop is a name, or a list of names"),
    "a type": ("rules: {a: {set: {x: data.y + 1}}}", "CAST it to compute with it"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_that_can_not_be_used_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    content, message = UNUSABLE[case]
    path = tmp_path / "repair.yaml"
    path.write_text(content)
    with pytest.raises(UnusableInput) as rejected:
        load_repair(path)
    assert message in str(rejected.value)
    assert str(path) in str(rejected.value)
    assert "\n" not in str(rejected.value)

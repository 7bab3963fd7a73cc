"""Two contracts compared: what a contract adds to its JSON Schema is seen, and "compatible" is never wrong.

The hunt generates pairs of contracts and events at the edges of what columns hold; the judge is the one that
lands events.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.evolution.compatibility.contracts import AT_THE_EDGE, closed, compare_contracts
from event_archive.evolution.compatibility.findings import (
    Direction,
    Mode,
    Report,
    SchemaFinding,
    Verdict,
)
from event_archive.registry.contract import Contract, Contracts, load_contract
from event_archive.registry.exact_values import json_text
from event_archive.validation.exact_validator import Accepted, validate
from support.events import contract_file
from support.hunting import examples

TYPE = "note.written.v1"
LATEST = datetime.max.replace(tzinfo=UTC)
COMPATIBLE, INCOMPATIBLE, UNKNOWN = Verdict.COMPATIBLE, Verdict.INCOMPATIBLE, Verdict.UNKNOWN
EXAMPLES: dict[str, Any] = {
    "string": "a",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}


def contract(folder: Path, field: Any, actor: tuple[str, ...] = ("clerk",), **more: Any) -> Contract:
    """A contract whose data has one required field, `a`, and the contract's example with it."""
    data = {"type": "object", "required": ["a"], "properties": {"a": field}, **more}
    return contract_of(folder, data, {"a": some_value(field)}, actor)


def some_value(field: Any) -> Any:
    formats = {"decimal": "1.5", "date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01"}
    formats["uuid"] = "0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a11"
    if not isinstance(field, dict) or "type" not in field:
        return 1
    if field["type"] == "array":
        return [some_value(field["items"])]
    if "properties" in field:
        return {name: some_value(part) for name, part in field["properties"].items()}
    return formats.get(field.get("format", ""), EXAMPLES[field["type"]])


def contract_of(folder: Path, data: Any, example: Any, actor: tuple[str, ...] = ("clerk",)) -> Contract:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{TYPE}.yaml"
    file = contract_file(TYPE, data, actor=list(actor), examples=[event(example, actor[0])])
    path.write_text(json.dumps(file), encoding="utf-8")
    return load_contract(path)


def event(data: Any, actor: str = "clerk") -> dict[str, Any]:
    envelope = {"specversion": "1.0", "id": "1", "source": "/x", "type": TYPE, "time": "2026-01-01T00:00:00Z"}
    return {**envelope, "actor": f"{actor}/1", "object": "note/1", "data": data}


def accepts(written: Contract, data: Any) -> bool:
    record = json_text(event(data, written.actor_types[0])).encode()
    return isinstance(validate(record, Contracts([written]), LATEST), Accepted)


def backward(report: Report) -> list[tuple[str, str, Verdict]]:
    return [
        (finding.path, finding.rule, finding.verdict)
        for finding in report.findings
        if finding.direction is Direction.BACKWARD
    ]


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ({"type": "integer"}, {"type": "number"}, INCOMPATIBLE),  # 2^53 + 1 is no double
        ({"type": "integer", "minimum": 0, "maximum": 1000}, {"type": "number"}, COMPATIBLE),
        ({"type": "integer", "minimum": 0}, {"type": "number"}, INCOMPATIBLE),
        ({"type": "number"}, {}, COMPATIBLE),
        ({"type": "string", "format": "decimal"}, {"type": "string"}, COMPATIBLE),
        (
            {"type": "string", "format": "decimal", "x-precision": 9, "x-scale": 2},
            {"type": "string", "format": "decimal", "x-precision": 12, "x-scale": 4},
            COMPATIBLE,
        ),
        (
            {"type": "string", "format": "decimal", "x-precision": 9, "x-scale": 4},
            {"type": "string", "format": "decimal", "x-precision": 9, "x-scale": 2},
            INCOMPATIBLE,
        ),
        (
            {"type": "string", "format": "decimal", "x-precision": 12, "x-scale": 4},
            {"type": "string", "format": "decimal", "x-precision": 12, "x-scale": 8},
            INCOMPATIBLE,
        ),
        ({}, {"type": "integer"}, INCOMPATIBLE),
        ({"type": "string", "format": "date-time"}, {"type": "string"}, COMPATIBLE),
        (
            {"type": "array", "items": {"type": "integer"}},
            {"type": "array", "items": {"type": "number"}},
            INCOMPATIBLE,
        ),
    ],
)
def test_what_columns_hold_is_part_of_the_verdict(
    tmp_path: Path, old: Any, new: Any, verdict: Verdict
) -> None:
    before, after = contract(tmp_path / "old", old), contract(tmp_path / "new", new)
    report = compare_contracts(before, after, Mode.BACKWARD)
    assert report.verdict is verdict, report.findings
    for finding in report.findings:
        assert finding.example is not None
        assert accepts(before, finding.example.value) or finding.path != "data/a"
        assert not accepts(after, finding.example.value)


def test_an_actor_type_that_may_no_longer_act_is_a_finding(tmp_path: Path) -> None:
    old = contract(tmp_path / "old", {"type": "string"}, ("clerk", "system"))
    new = contract(tmp_path / "new", {"type": "string"}, ("clerk",))
    report = compare_contracts(old, new, Mode.FULL)
    assert backward(report) == [("actor", "actor_type_removed", INCOMPATIBLE)]
    assert report.verdict_for(Direction.FORWARD) is COMPATIBLE


def test_a_new_field_in_an_open_contract_is_free_only_for_producers_who_did_not_send_it(
    tmp_path: Path,
) -> None:
    old = contract_of(
        tmp_path / "old", {"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "x"}
    )
    wider = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    new = contract_of(tmp_path / "new", wider, {"a": "x", "b": 1})
    (strict,) = compare_contracts(old, new, Mode.BACKWARD).findings
    assert (strict.path, strict.verdict) == ("data/b", INCOMPATIBLE)
    assert strict.example is not None
    assert accepts(old, strict.example.value)
    assert not accepts(new, strict.example.value)
    assert compare_contracts(old, new, Mode.FULL, named_only=True).verdict is COMPATIBLE


def test_contracts_of_different_events_are_not_compared(tmp_path: Path) -> None:
    before = contract(tmp_path, {"type": "string"})
    path = tmp_path / "note.read.v1.yaml"
    path.write_text(json.dumps(contract_file("note.read.v1", {"type": "object"})), encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"note\.written\.v1 and note\.read\.v1 are different events"):
        compare_contracts(before, load_contract(path), Mode.FULL)


@pytest.mark.parametrize(
    ("schema", "shut"),
    [
        ({"properties": {}}, {"properties": {}, "additionalProperties": False}),
        (
            {"properties": {"a": {"$ref": "#/x"}}},
            {"properties": {"a": {"$ref": "#/x"}}, "additionalProperties": False},
        ),
        (
            {"properties": {}, "allOf": [{"properties": {"a": {}}}]},
            {"properties": {}, "allOf": [{"properties": {"a": {}}}]},
        ),
        ({"items": {"properties": {}}}, {"items": {"properties": {}, "additionalProperties": False}}),
        (True, True),
    ],
)
def test_only_what_surely_names_all_fields_is_closed(schema: Any, shut: Any) -> None:
    assert closed(schema) == shut


FIELDS = st.one_of(
    st.builds(
        lambda low, high: {"type": "integer", **low, **high},
        st.sampled_from([{}, {"minimum": 0}, {"minimum": -(2**53)}]),
        st.sampled_from([{}, {"maximum": 2**53}, {"maximum": 10**6}, {"maximum": 2**53 + 4}]),
    ),
    st.sampled_from([{"type": "number"}, {"type": "number", "multipleOf": 0.01}, {"type": "string"}, {}]),
    st.sampled_from(
        [{"type": "string", "format": name} for name in ("date", "date-time", "uuid", "decimal")]
    ),
    st.builds(
        lambda whole, scale: {
            "type": "string",
            "format": "decimal",
            "x-precision": whole + scale,
            "x-scale": scale,
        },
        st.integers(1, 20),
        st.integers(0, 12),
    ),
)
SHAPES = st.one_of(
    FIELDS,
    FIELDS.map(lambda field: {"type": "array", "items": field}),
    FIELDS.map(lambda field: {"type": "object", "properties": {"b": field}}),
)
VALUES = st.one_of(
    st.sampled_from([*AT_THE_EDGE, 2**53, 2**53 + 2, Decimal("10.5"), "0.001", "1" * 12, "2026-02-28", True]),
    st.integers(-(10**20), 10**20),
    st.decimals(-(10**20), 10**20, allow_nan=False, places=4),
    st.decimals(-(10**20), 10**20, allow_nan=False, places=3).map(lambda number: format(number, "f")),
)


@settings(max_examples=examples(300), deadline=None)
@given(old=SHAPES, new=SHAPES, values=st.lists(VALUES, min_size=5, max_size=30))
def test_hunt_for_a_wrong_compatible(tmp_path_factory: Any, old: Any, new: Any, values: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("hunt")
    before, after = contract(folder / "old", old), contract(folder / "new", new)
    for direction, writer, reader in (
        (Direction.BACKWARD, before, after),
        (Direction.FORWARD, after, before),
    ):
        report = compare_contracts(before, after, Mode(direction.value))
        for value in (*values, *AT_THE_EDGE):
            for data in ({"a": value}, {"a": [value]}, {"a": {"b": value}}, {"a": {"c": value}}, {}):
                if accepts(writer, data) and not accepts(reader, data):
                    assert report.verdict is not COMPATIBLE, (direction, data)
        for finding in report.findings:
            assert told_apart(finding, writer, reader)


def told_apart(finding: SchemaFinding, writer: Contract, reader: Contract) -> bool:
    """Whether an incompatible finding shows data that the two contracts tell apart."""
    value = finding.example.value if finding.example else None
    return finding.verdict is UNKNOWN or (accepts(writer, value) and not accepts(reader, value))

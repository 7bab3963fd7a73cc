"""Contract files: a broken one gives one line with file, place and reason; the ones that are here hold.

A case is a contract file as text, and what has to be in the line that refuses it.
"""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from event_archive import UnusableInput
from event_archive.registry.contract import Contract, Contracts, load_contracts
from event_archive.registry.exact_values import from_column, to_column, with_unnamed
from event_archive.validation.exact_validator import Accepted, Rejected, validate
from support.events import contract_file, contracts_in, text

ROOT = Path(__file__).parents[3]
COMPANY = load_contracts(ROOT / "event_archive" / "contracts")
GITHUB = load_contracts(ROOT / "examples" / "github" / "contracts")
TYPE = "note.written.v1"
DATA = {"type": "object", "required": ["words"], "properties": {"words": {"type": "integer"}}}
GOOD = contract_file(TYPE, DATA)


def file(**changes: Any) -> str:
    return json.dumps(GOOD | changes)


def field(schema: Any, name: str = "words") -> str:
    """A contract file whose data has one field."""
    return file(data={"type": "object", "required": [name], "properties": {name: schema}})


def decimal(**sizes: Any) -> str:
    return field(
        {"type": "string", "format": "decimal"} | {f"x-{name}": size for name, size in sizes.items()}
    )


def nested(levels: int) -> str:
    return file(
        data=reduce(
            lambda inside, _: {"type": "object", "properties": {"a": inside}}, range(levels), dict(DATA)
        )
    )


BOMB = "a0: &a0 [1]\n" + "".join(f"a{n + 1}: &a{n + 1} [{f'*a{n},' * 9}]\n" for n in range(12))
Cases = dict[str, tuple[str | bytes, str]]
NOT_YAML: Cases = {
    "empty": ("", "a contract is a mapping"),
    "a list": ("[]", "a contract is a mapping"),
    "a tab": ("type: x\n\t- y", "line 2: found"),
    "not closed": ('{"type":', "line 2: "),
    "not UTF-8": (b"type: \xff\xfe", "this is not YAML"),
    "a NUL": ("type: \0", "this is not YAML"),
    "deep": ("[" * 5000, "note.written.v1.yaml: "),
    "two documents": (f"{file()}\n---\n{file()}", "another document"),
    "an object of Python": ('!!python/object/apply:os.system ["true"]', "line 1: could not determine"),
    "a name twice": (file()[:-1] + ', "owner": "me"}', "'owner' is there twice"),
    "a name twice inside": (
        file().replace('"type": "object"', '"type": "object", "type": "object"'),
        "'type' is there twice",
    ),
    "a name that is no text": (
        file().replace('"words": {', "no: {"),
        "the name 'False' is no text for YAML; quote it",
    ),
    "a merge key": (file()[:-1] + ', <<: {"x": 1}}', "'<<' was unexpected"),
    "itself inside": (file()[:-1] + ', "x": &a {b: *a}}', "recursive"),
    "a bomb": (BOMB, "too much for a contract"),
    "a megabyte": ("# " + "x" * 1_000_000, "more than 1,000,000 bytes"),
    "a set": (file().replace('"id": "1"', '"id": !!set {a}'), "examples/0/id: {'a'} is no value"),
    "not a number": (
        field({"minimum": "NAN"}).replace('"NAN"', ".nan"),
        "data/properties/words/minimum: JSON has no nan",
    ),
}
NO_CONTRACT: Cases = {
    "a part missing": (
        json.dumps(dict(list(GOOD.items())[:-1])),
        'the file: "examples" is a required property',
    ),
    "an unknown part": (file(foo=1), "'foo' was unexpected"),
    "revision 0": (file(revision=0), "revision: 0 is less than the minimum of 1"),
    "revision true": (file(revision=True), 'revision: true is not of type "integer"'),
    "no example": (file(examples=[]), "examples: [] has less than 1 item"),
    "no description": (file(description="  "), "description: "),
    "no actor": (file(actor=[]), "actor: [] has less than 1 item"),
    "an actor twice": (file(actor=["user", "user"]), "actor: "),
    "an actor in capitals": (file(actor=["User"]), 'actor/0: "User" does not match'),
    "a date for an owner": (file().replace('"post"', "2026-01-01"), 'owner: "2026-01-01" does not match'),
    "a type that leaves the folder": (
        file(type="../note.written.v1"),
        "type: '../note.written.v1' is not <object>.<verb>.v<major>",
    ),
    "a type without a major": (file(type="note.written.v0"), "type: 'note.written.v0' is not"),
    "another file's type": (file(type="note.read.v1"), "must be called note.read.v1.yaml"),
    "another object": (file(object="book"), "object: 'book' disagrees with the type"),
}
NO_SCHEMA: Cases = {
    "data is no object": (file(data={"type": "string"}), "data/type: the data of an event is an object"),
    "an unknown JSON type": (field({"type": "objekt"}), "data/properties/words/type: "),
    "a bad pattern": (field({"type": "string", "pattern": "("}), "data/properties/words/pattern: "),
    "a bad bound": (
        field({"type": "integer", "minimum": "1"}),
        'data/properties/words/minimum: "1" is not of type "number"',
    ),
    "properties are a list": (
        file(data={"type": "object", "properties": []}),
        "data/properties: [] is not of type",
    ),
    "a schema elsewhere": (
        field({"$ref": "https://example.org/x"}),
        "data: Resource 'https://example.org/x' is not present",
    ),
    "a schema that is not there": (field({"$ref": "#/$defs/x"}), "data: Pointer '/$defs/x' does not exist"),
    "a dialect elsewhere": (file(data=DATA | {"$schema": "https://example.org/x"}), "data/$schema: "),
    "an older dialect": (
        file(data=DATA | {"$schema": "http://json-schema.org/draft-07/schema#"}),
        "data/$schema: ",
    ),
    "a name of its own": (
        field({"$id": "https://example.org/x", "type": "string"}),
        "data/properties/words/$id: ",
    ),
    "null or absent": (
        file(data={"type": "object", "properties": {"a": {"type": ["string", "null"]}}}),
        "data/properties/a: may be null but is not required",
    ),
    "names that differ by case": (
        file(data={"type": "object", "properties": {"a": {}, "A": {}}}),
        "data/properties: 'A' needs a printable name that no other",
    ),
    "an empty name": (field({}, name=""), "data/properties: '' needs"),
    "a NUL in a name": (field({}, name="a\0"), "data/properties: 'a\\x00' needs"),
    "too many digits": (decimal(precision=39), "data/properties/words: x-precision is 1 to 38 digits"),
    "no digits": (decimal(precision=0, scale=0), "data/properties/words: x-precision"),
    "digits as text": (decimal(precision="9"), "data/properties/words: x-precision"),
    "half a digit": (decimal(precision=9.5), "data/properties/words: x-precision"),
    "more decimals than digits": (decimal(precision=5, scale=6), "data/properties/words: x-precision"),
    "decimals below 0": (decimal(scale=-1), "data/properties/words: x-precision"),
    "deep data": (nested(22), "nested deeper than 20 levels"),
    "very deep data": (nested(50), "too much for a contract"),
}
CASES = NOT_YAML | NO_CONTRACT | NO_SCHEMA


@pytest.mark.parametrize("case", CASES)
def test_a_broken_contract_file_gives_one_line(tmp_path: Path, case: str) -> None:
    content, expected = CASES[case]
    path = tmp_path / f"{TYPE}.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UnusableInput) as error:
        load_contracts(tmp_path)
    line = str(error.value)
    assert line.startswith(f"{path}: ")
    assert expected in line
    assert "\n" not in line


def test_a_folder_without_contracts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="there is no contract"):
        load_contracts(tmp_path)
    with pytest.raises(UnusableInput, match="there is no such folder"):
        load_contracts(tmp_path / "nowhere")
    (tmp_path / f"{TYPE}.yaml").mkdir()
    with pytest.raises(UnusableInput, match="can't be read: it is a folder, not a file"):
        load_contracts(tmp_path)


def test_a_pipe_among_the_contracts_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "parcel.lost.v1.yaml")
    with pytest.raises(UnusableInput, match=r"parcel\.lost\.v1\.yaml: can't be read: it is a named pipe"):
        load_contracts(tmp_path)


def test_two_types_can_not_share_a_view(tmp_path: Path) -> None:
    first, second = contract_file("a.b_c.v1", DATA), contract_file("a_b.c.v1", DATA)
    with pytest.raises(UnusableInput, match=r"a_b\.c\.v1 and a\.b_c\.v1 would share the view events\.a_b_c"):
        contracts_in(tmp_path, first, second)
    with pytest.raises(UnusableInput, match="the view name all_events is taken"):
        contracts_in(tmp_path / "other", contract_file("all.events.v1", DATA))
    with pytest.raises(UnusableInput, match="the view name order_placed__all is taken"):
        contracts_in(tmp_path / "more", contract_file("order_placed_.all.v1", DATA))


def test_the_newest_major_stands_for_its_type(tmp_path: Path) -> None:
    types = ["note.read.v1", "note.written.v10", "note.written.v9"]
    upcasts: dict[str, dict[str, Any]] = {"note.written.v10": {"upcast_from_v9": {}}}
    contracts = contracts_in(
        tmp_path, *(contract_file(event_type, DATA, **upcasts.get(event_type, {})) for event_type in types)
    )
    assert list(contracts) == types
    assert [contract.type for contract in contracts.newest()] == ["note.read.v1", "note.written.v10"]
    assert {contract.view_name for contract in contracts.values()} == {"note_read", "note_written"}
    assert [contract.major for contract in contracts.majors("note_written")] == [9, 10]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / f"{TYPE}.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + file().encode())
    assert list(load_contracts(tmp_path)) == [TYPE]


@pytest.mark.parametrize(
    ("schema", "column"),
    [
        ({"type": "integer"}, "BIGINT"),
        ({"type": "number"}, "DOUBLE"),
        ({"type": "number", "multipleOf": 0.01}, "DECIMAL(18, 2)"),
        ({"type": "number", "multipleOf": 0.05}, "DOUBLE"),
        ({"type": "string"}, "VARCHAR"),
        ({"type": "string", "enum": ["a"]}, "VARCHAR"),
        ({"type": "string", "format": "decimal"}, "DECIMAL(38, 10)"),
        ({"type": "string", "format": "decimal", "x-precision": 9, "x-scale": 4}, "DECIMAL(9, 4)"),
        ({"type": "string", "format": "date"}, "DATE"),
        ({"type": ["string", "null"], "format": "date-time"}, "TIMESTAMPTZ"),
        ({"type": "string", "format": "uuid"}, "UUID"),
        ({"type": "boolean"}, "BOOLEAN"),
        ({"type": "array", "items": {"type": "integer"}}, "BIGINT[]"),
        ({"type": "object", "properties": {"a b": {"type": "string"}}}, 'STRUCT("a b" VARCHAR)'),
        ({"$ref": "#/$defs/id"}, "BIGINT"),
        ({}, "VARCHAR"),
        (True, "VARCHAR"),
        ({"type": ["string", "integer"]}, "VARCHAR"),
        ({"oneOf": [{"type": "string"}]}, "VARCHAR"),
        ({"type": "object"}, "VARCHAR"),
        ({"type": "array", "items": {"type": ["string", "null"]}}, "VARCHAR"),
        ({"$ref": "#"}, "VARCHAR"),
        ({"$ref": "#/properties/a"}, "VARCHAR"),
    ],
)
def test_a_field_becomes_a_column(tmp_path: Path, schema: Any, column: str) -> None:
    data = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": schema},
        "$defs": {"id": {"type": "integer"}},
    }
    (contract,) = contracts_in(tmp_path, contract_file(TYPE, data)).values()
    assert contract.data_type.sql() == f'STRUCT("a" {column})'


@pytest.mark.parametrize(
    "contract", [*COMPANY.values(), *GITHUB.values()], ids=lambda contract: contract.type
)
def test_the_examples_of_a_contract_are_events_and_come_back(contract: Contract) -> None:
    for example in contract.examples:
        verdict = validate(text(example), Contracts([contract]), datetime(2027, 1, 1, tzinfo=UTC))
        assert isinstance(verdict, Accepted), verdict
        extra = json.loads(verdict.row["extra"] or "{}")
        data = with_unnamed(from_column(contract.data_type, verdict.row["data"]), extra.get("data"))
        assert to_column(contract.data_type, data) == verdict.row["data"]
        assert not list(contract.validator.iter_errors(data))
        assert data.keys() == example["data"].keys()


@pytest.mark.parametrize(
    "contract", [*COMPANY.values(), *GITHUB.values()], ids=lambda contract: contract.type
)
def test_every_field_of_a_contract_is_described(contract: Contract) -> None:
    assert contract.description
    assert list(undescribed(contract.schema)) == []


def undescribed(schema: Mapping[str, Any], place: str = "data") -> list[str]:
    """The fields below a schema that don't say what they are."""
    places: list[str] = []
    for name, part in schema.get("properties", {}).items():
        places += [f"{place}.{name}"] * (not part.get("description")) + undescribed(part, f"{place}.{name}")
    return places + (undescribed(schema["items"], f"{place}[]") if "items" in schema else [])


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=(a+)+$)b", r"^(a|aa)+\1$", "^((a*)*)*(?!b)$"])
def test_a_pattern_that_explodes_is_judged_in_bounded_time(tmp_path: Path, pattern: str) -> None:
    data = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": pattern}}}
    contracts = contracts_in(tmp_path, contract_file(TYPE, data))
    started = time.process_time()
    verdict = validate(text(an_event({"a": "a" * 50_000 + "!"})), contracts, datetime(2027, 1, 1, tzinfo=UTC))
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "contract_violation"
    assert time.process_time() - started < 10  # of a search that would outlive us all


def test_a_schema_that_refers_to_itself_ends(tmp_path: Path) -> None:
    cycle = {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}
    data = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": cycle}
    contracts = contracts_in(tmp_path, contract_file(TYPE, data))
    verdict = validate(text(an_event({"a": [[[]]]})), contracts, datetime(2027, 1, 1, tzinfo=UTC))
    assert isinstance(verdict, Accepted)
    lists = {"type": "array", "items": {"$ref": "#/properties/a"}}
    with pytest.raises(UnusableInput, match="a contract's columns can't recurse"):
        contracts_in(tmp_path, contract_file(TYPE, {"type": "object", "properties": {"a": lists}}))


def an_event(data: Any) -> dict[str, Any]:
    envelope = {"specversion": "1.0", "id": "1", "source": "/x", "type": TYPE, "time": "2026-01-01T00:00:00Z"}
    return {**envelope, "actor": "clerk/1", "object": "note/1", "data": data}

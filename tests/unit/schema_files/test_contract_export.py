"""Contracts in the languages of producers: each is read by the real reader of that language."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import jsonschema_rs
import pytest
from pydantic import BaseModel, ValidationError

from event_archive.registry.contract import Contract, load_contract, load_contracts
from event_archive.schema_files.importing import import_contract
from event_archive.schema_files.parts import Part, data_of
from event_archive.schema_files.proto_file import read_proto
from event_archive.schema_files.writers.avro import to_avro
from event_archive.schema_files.writers.json_schema import to_json_schema
from event_archive.schema_files.writers.markdown import to_markdown
from event_archive.schema_files.writers.protobuf import to_protobuf
from event_archive.schema_files.writers.pydantic import to_pydantic
from orchestration.command_line.main import run
from support.events import contract

PROJECT = Path(__file__).parents[3]
FOLDERS = (PROJECT / "event_archive" / "contracts", PROJECT / "examples" / "github" / "contracts")
CONTRACTS = [exported for folder in FOLDERS for exported in load_contracts(folder).values()]
EVERY = pytest.mark.parametrize("exported", CONTRACTS, ids=lambda exported: exported.type)
HOSTILE = 'x"""\nimport os\n\'\'\' \\" \\ \\N{BULLET} {0} `|<b> */ // \u202e\x07 \U0001f600'
ODD: dict[str, Any] = {
    "type": "object",
    "description": HOSTILE,
    "required": ["class", "a-b", "money", "open", "when", "tags", "matrix", "kind"],
    "properties": {
        "class": {"type": "string", "description": HOSTILE, "pattern": "^[^$]+$"},
        "a-b": {"type": ["integer", "null"], "minimum": -5},
        "a_b": {"type": "string", "format": "uuid", "description": HOSTILE},
        "aB": {"type": "string"},
        'q"\\': {"type": "boolean"},
        "date": {"type": "string", "format": "date"},
        "money": {"type": "string", "format": "decimal", "x-precision": 6, "x-scale": 2},
        "open": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "when": {"type": "string", "format": "date-time"},
        "tags": {"type": "object", "additionalProperties": {"type": "integer"}},
        "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "kind": {"type": "string", "enum": [HOSTILE, "b"]},
        "model_name": {"type": "string", "enum": ["reserved", "value"]},
        "part": {"type": "object", "additionalProperties": False, "properties": {"part": {"type": "string"}}},
    },
}
ODD_DATA: dict[str, Any] = {
    "class": "a",
    "a-b": None,
    "aB": "x",
    'q"\\': True,
    "date": "2026-01-03",
    "money": "12.50",
    "open": 3,
    "when": "2026-01-03T09:14:07Z",
    "tags": {"x": 1},
    "matrix": [[1.5]],
    "kind": HOSTILE,
    "part": {"part": "p"},
}


@EVERY
def test_json_schema_accepts_the_examples_and_refuses_what_the_judge_refuses(exported: Contract) -> None:
    schema = jsonschema_rs.validator_for(json.loads(to_json_schema(exported)), validate_formats=True)
    for example in exported.examples:
        assert schema.is_valid(example)
        for change in ({"actor": "nobody/1"}, {"object": "else/1"}, {"type": "a.b.v1"}, {"data": None}):
            assert not schema.is_valid({**example, **change})
        assert not schema.is_valid({name: part for name, part in example.items() if name != "data"})


@pytest.mark.parametrize(
    ("money", "right"),
    [("1", True), ("1234.50", True), ("0.500", True), ("12345", False), ("0.505", False), ("01", False)],
)
def test_json_schema_says_which_decimals_fit(money: str, right: bool) -> None:
    whole = json.loads(to_json_schema(contract(ODD)))
    accepted = jsonschema_rs.validator_for(whole["properties"]["data"]["properties"]["money"])
    assert accepted.is_valid(money) is right


def in_avro(part: Part, value: Any) -> Any:
    """A JSON value as fastavro takes it."""
    if value is None:
        return None
    match part.kind:
        case "any":
            return json.dumps(value)
        case "date":
            return date.fromisoformat(value)
        case "moment":
            return datetime.fromisoformat(value).astimezone(UTC)
        case "uuid":
            return UUID(value)
        case "decimal":
            return Decimal(value)
        case "list":
            assert part.item
            return [in_avro(part.item, item) for item in value]
        case "object":
            return {field.name: in_avro(field, value.get(field.name)) for field in part.fields}
    return value


@EVERY
def test_avro_holds_the_data_of_the_examples(exported: Contract) -> None:
    schema = fastavro.parse_schema(json.loads(to_avro(exported)))
    for example in exported.examples:
        value = in_avro(data_of(exported), example["data"])
        file = io.BytesIO()
        fastavro.schemaless_writer(file, schema, value, strict=True)
        file.seek(0)
        assert fastavro.schemaless_reader(file, schema, schema) == value


@EVERY
def test_protobuf_compiles_with_numbers_in_the_order_of_the_contract(exported: Contract) -> None:
    (message,) = read_proto(to_protobuf(exported)).message_type
    assert [field.json_name for field in message.field] == list(exported.schema["properties"])
    assert [field.number for field in message.field] == list(range(1, len(message.field) + 1))


def test_a_field_added_at_the_end_keeps_the_numbers_of_the_others() -> None:
    more = {**ODD, "properties": {**ODD["properties"], "new": {"type": "integer"}}}
    before, after = (read_proto(to_protobuf(contract(data))).message_type[0].field for data in (ODD, more))
    assert list(after)[:-1] == list(before)


def models(exported: Contract) -> type[BaseModel]:
    """The class of the event, of the module that a contract gives."""
    module: dict[str, Any] = {"__name__": "models"}
    exec(compile(to_pydantic(exported), "models.py", "exec"), module)
    event: type[BaseModel] = module["Event"]
    return event


def same(value: Any) -> Any:
    """A value with its times spelled one way."""
    if isinstance(value, dict):
        return {name: same(item) for name, item in value.items()}
    if isinstance(value, list):
        return [same(item) for item in value]
    if isinstance(value, str) and "T" in value and value.endswith("Z"):
        return datetime.fromisoformat(value)
    return value


@EVERY
def test_pydantic_reads_and_writes_the_examples(exported: Contract) -> None:
    event = models(exported)
    for example in exported.examples:
        read = event.model_validate_json(json.dumps(example))
        assert same(json.loads(read.model_dump_json())) == same({"verb": exported.verb, **example})


@EVERY
def test_pydantic_refuses_what_the_contract_refuses(exported: Contract) -> None:
    event = models(exported)
    example = dict(exported.examples[0])
    wrong = [{**example, "actor": "nobody/1"}, {**example, "time": "2026-01-03T09:14:07"}]
    for name in exported.schema["required"]:
        wrong.append({**example, "data": {key: v for key, v in example["data"].items() if key != name}})
        wrong.append({**example, "data": {**example["data"], name: {"not": ["this"]}}})
    for document in wrong:
        assert exported.schema
        with pytest.raises(ValidationError):
            event.model_validate_json(json.dumps(document))


def test_odd_names_and_hostile_words_are_only_words() -> None:
    odd = contract(ODD)
    example = {**dict(odd.examples[0]), "data": ODD_DATA} if odd.examples else {"data": ODD_DATA}
    example |= {"actor": f"{odd.actor_types[0]}/1", "object": f"{odd.object_type}/1", "type": odd.type}
    example |= {"specversion": "1.0", "id": "1", "source": "/s", "time": "2026-01-03T09:14:07Z"}
    event = models(odd)
    read = event.model_validate_json(json.dumps(example))
    assert same(json.loads(read.model_dump_json())["data"]) == same(ODD_DATA)
    for change in ({"aB": None}, {"class": "a$"}, {"class": "a\n$"}, {"money": "1.505"}, {"part": {"x": 1}}):
        with pytest.raises(ValidationError):
            event.model_validate_json(json.dumps({**example, "data": {**ODD_DATA, **change}}))
    fastavro.parse_schema(json.loads(to_avro(odd)))
    (message,) = read_proto(to_protobuf(odd)).message_type
    assert [field.json_name for field in message.field] == list(ODD["properties"])
    page = to_markdown(odd)
    assert "<b>" not in page.split("## Example")[0].replace("\\<b\\>", "")
    assert "\nimport os" not in page


TEXT = {"type": "string"}
WORDS = (
    "message optional reserved option string map group enum google self cls model_config True class int re"
)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "data",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "additionalProperties": TEXT},
        of(**dict.fromkeys(WORDS.split(), TEXT)),
        of(**dict.fromkeys(WORDS.split(), of(x=TEXT))),
        of(**dict.fromkeys(["é", "日本", "a'b", "_private", "__init__", "7", "Data", "Event"], of(x=TEXT))),
        of(aB=TEXT, a_b=TEXT, a__b=TEXT, **{"a-b": of(x=TEXT), "a.b": of(x=TEXT)}),
        of(it={"type": "string", "enum": ["a", "A"]}, of={"type": "string", "enum": ["UNSPECIFIED"]}),
        of(it={"enum": [1, 2.5, "x", None]}, of={"type": "number", "enum": [1.5]}, no={"const": "x"}),
        of(it={"type": "string", "minLength": 2.0}, of={"type": "integer", "minimum": 1.0, "maximum": 5.0}),
        of(
            it={"type": "string", "pattern": "\\p{L}+"}, of={"type": "string", "pattern": "^[\\w$]$|(?<x>a)$"}
        ),
        of(it={"type": "array", "items": {"type": ["string", "null"]}}, of={"type": "array"}, any={}),
        of(it={"type": "array", "items": of(it={"type": "array", "items": of(it=TEXT)})}),
        of(it={"type": "object", "additionalProperties": {"type": ["string", "null"]}}),
        {**of(it={"$ref": "#/$defs/A"}), "$defs": {"A": of(it={"$ref": "#/$defs/B"}), "B": TEXT}},
    ],
)
def test_any_shape_of_data_can_be_said_in_every_language(data: dict[str, Any]) -> None:
    exported = contract(data)
    assert jsonschema_rs.validator_for(json.loads(to_json_schema(exported)), validate_formats=True)
    assert fastavro.parse_schema(json.loads(to_avro(exported)))
    assert read_proto(to_protobuf(exported)).message_type[0].name
    assert models(exported).model_fields["data"]
    assert to_markdown(exported).startswith(f"# {exported.type}")


def test_a_reference_within_the_data_still_leads_there() -> None:
    data = {**of(it={"$ref": "#/$defs/A"}), "$defs": {"A": {"type": "integer"}}}
    whole = jsonschema_rs.validator_for({**json.loads(to_json_schema(contract(data))), "required": []})
    assert whole.is_valid({"data": {"it": 1}})
    assert not whole.is_valid({"data": {"it": "1"}})


@EVERY
def test_the_page_names_every_field(exported: Contract) -> None:
    page = to_markdown(exported)
    for part in fields(data_of(exported)):
        assert f"| `{part.path}` |" in page
    assert json.dumps(exported.examples[0], indent=2, ensure_ascii=False) in page


def fields(part: Part) -> Iterator[Part]:
    for field in part.fields:
        yield field
        yield from fields(field)


@pytest.mark.parametrize(
    ("name", "write"), [("it.json", to_json_schema), ("it.avsc", to_avro), ("it.proto", to_protobuf)]
)
@EVERY
def test_what_was_exported_comes_in_again(tmp_path: Path, exported: Contract, name: str, write: Any) -> None:
    file = tmp_path / name
    file.write_text(write(exported), encoding="utf-8")
    made = import_contract(file, exported.type, exported.owner, exported.actor_types)
    path = tmp_path / f"{exported.type}.yaml"
    path.write_text(made.text, encoding="utf-8")
    again = load_contract(path)
    assert list(again.schema["properties"]) == list(exported.schema["properties"])
    for example in exported.examples:
        data = example["data"]
        if name == "it.proto":  # there, what may be null is absent
            data = without_null(data)
        if name == "it.avsc":  # there, what a contract leaves open is JSON text
            data = open_as_text(data_of(exported), data)
        assert again.validator.is_valid(data)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_null(item) for name, item in value.items() if item is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def open_as_text(part: Part, value: Any) -> Any:
    if part.kind == "any" and value is not None:
        return json.dumps(value)
    if part.kind == "object" and value is not None:
        return {
            field.name: open_as_text(field, value[field.name]) for field in part.fields if field.name in value
        }
    if part.item and isinstance(value, list):
        return [open_as_text(part.item, item) for item in value]
    return value


def test_export_prints_or_writes_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["contracts", "export", "translation.rated.v1", "--format", "avro"]
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "TranslationRated"
    path = tmp_path / "rated.avsc"
    assert run([*command, "--output", str(path)]) == 0
    assert json.loads(path.read_text())["name"] == "TranslationRated"
    assert run([*command, "--output", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["contracts", "export", "no.such.v1", "--format", "avro"]) == 2

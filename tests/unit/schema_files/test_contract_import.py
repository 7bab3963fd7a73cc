"""Contracts from foreign schema files: given a file, expect the contract, what it lost, or a refusal."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.registry.column_types import Struct
from event_archive.registry.contract import Contract, load_contract
from event_archive.registry.contract_text import contract_text
from event_archive.registry.data_schema import validator
from event_archive.registry.exact_values import from_column, to_column
from event_archive.schema_files.importing import Imported, import_contract
from event_archive.schema_files.reading import Choices
from event_archive.validation.own_examples import example_faults
from orchestration.command_line.main import run


def imported(folder: Path, name: str, content: Any, **choices: Any) -> tuple[Contract, Imported]:
    """The contract that a file gives, loaded from its text, and what was said."""
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    made = import_contract(file, "order.placed.v1", "shop", ("customer", "system"), Choices(**choices))
    path = folder / "order.placed.v1.yaml"
    path.write_text(made.text, encoding="utf-8")
    contract = load_contract(path)
    assert list(example_faults(contract)) == []
    return contract, made


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Order", "fields": list(fields)}


@pytest.mark.parametrize(
    ("avro", "schema"),
    [
        ("int", {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}),
        ("long", {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}),
        ("double", {"type": "number"}),
        ("boolean", {"type": "boolean"}),
        (["null", "string"], {"type": ["string", "null"]}),
        ({"type": "string", "logicalType": "uuid"}, {"type": "string", "format": "uuid"}),
        ({"type": "int", "logicalType": "date"}, {"type": "string", "format": "date"}),
        ({"type": "long", "logicalType": "timestamp-micros"}, {"type": "string", "format": "date-time"}),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            {"type": "string", "format": "decimal", "x-precision": 9, "x-scale": 2},
        ),
        ({"type": "map", "values": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}),
        ({"type": "array", "items": "string"}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "enum", "name": "E", "symbols": ["NO", "YES"]}, {"type": "string", "enum": ["NO", "YES"]}),
        (
            ["null", {"type": "enum", "name": "E", "symbols": ["A"]}],
            {"type": ["string", "null"], "enum": ["A", None]},
        ),
    ],
)
def test_avro_types_are_carried_over_whole(tmp_path: Path, avro: Any, schema: dict[str, Any]) -> None:
    contract, made = imported(tmp_path, "order.avsc", record({"name": "it", "type": avro}))
    assert contract.schema["properties"]["it"] == schema
    assert contract.schema["required"] == ["it"]
    assert made.losses == ()


@pytest.mark.parametrize(
    ("field", "schema", "why"),
    [
        (
            {"type": ["null", "string"], "default": None},
            {"type": "string"},
            "left out where there is nothing",
        ),
        ({"type": "string", "default": "x"}, {"type": "string"}, "nobody fills that in"),
        ({"type": "bytes"}, {"type": "string", "contentEncoding": "base64"}, "base64"),
        ({"type": ["string", "boolean"]}, {"anyOf": [{"type": "string"}, {"type": "boolean"}]}, "union"),
        (
            {"type": {"type": "long", "logicalType": "timestamp-nanos"}},
            {"type": "string", "format": "date-time"},
            "nanoseconds",
        ),
        ({"type": {"type": "string", "logicalType": {"x": 1}}}, {"type": "string"}, "logical type"),
    ],
)
def test_what_avro_says_and_a_contract_cannot_is_said(
    tmp_path: Path, field: dict[str, Any], schema: dict[str, Any], why: str
) -> None:
    contract, made = imported(tmp_path, "order.avsc", record({"name": "it", **field}))
    assert contract.schema["properties"]["it"] == schema
    assert [(loss.place, why in loss.why) for loss in made.losses] == [("it", True)]
    assert ("it" in contract.schema.get("required", ())) == ("default" not in field)


def test_named_avro_types_are_written_out_where_they_are_used(tmp_path: Path) -> None:
    money = {"type": "record", "name": "shop.Money", "fields": [{"name": "minor", "type": "long"}]}
    fields: list[dict[str, Any]] = [
        {"name": "net", "type": money},
        {"name": "gross", "type": ["null", "shop.Money"]},
    ]
    contract, _ = imported(tmp_path, "order.avsc", record(*fields))
    net, gross = contract.schema["properties"]["net"], contract.schema["properties"]["gross"]
    assert net["properties"] == gross["properties"]
    assert gross["type"] == ["object", "null"]


def test_one_of_several_avro_records_is_chosen_by_name(tmp_path: Path) -> None:
    several = [
        record({"name": "it", "type": "string"}),
        {**record({"name": "no", "type": "int"}), "name": "B"},
    ]
    with pytest.raises(UnusableInput, match="choose one with --message: Order, B"):
        imported(tmp_path, "order.avsc", several)
    contract, _ = imported(tmp_path, "order.avsc", several, message="B")
    assert list(contract.schema["properties"]) == ["no"]


def proto(fields: str, more: str = "") -> str:
    return f"""syntax = "proto3"; package shop;
        import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
        import "google/protobuf/wrappers.proto"; import "google/protobuf/duration.proto";
        // An order was placed.
        message Order {{ {fields} }} {more}"""


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("optional int32 it = 1;", {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}),
        ("optional uint32 it = 1;", {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}),
        ("optional double it = 1;", {"type": "number"}),
        ("repeated string it = 1;", {"type": "array", "items": {"type": "string"}}),
        ("map<string, bool> it = 1;", {"type": "object", "additionalProperties": {"type": "boolean"}}),
        ("optional string other = 1 [json_name = 'it'];", {"type": "string"}),
        ("google.protobuf.Timestamp it = 1;", {"type": "string", "format": "date-time"}),
        ("google.protobuf.StringValue it = 1;", {"type": "string"}),
        ("enum E { NO = 0; YES = 1; } optional E it = 1;", {"type": "string", "enum": ["NO", "YES"]}),
        (
            "message M { optional bool a = 1; } M it = 1;",
            {"type": "object", "properties": {"a": {"type": "boolean"}}},
        ),
    ],
)
def test_protobuf_types_are_carried_over_whole(tmp_path: Path, field: str, schema: dict[str, Any]) -> None:
    contract, made = imported(tmp_path, "order.proto", proto(field))
    assert contract.schema["properties"] == {"it": schema}
    assert contract.description == "An order was placed."
    assert made.losses == ()


@pytest.mark.parametrize(
    ("field", "place", "why"),
    [
        ("optional uint64 it = 1;", "it", "beyond 9223372036854775807"),
        ("optional int64 it = 1;", "", "as a text"),
        ("optional bytes it = 1;", "it", "base64"),
        ("oneof it { string a = 1; string b = 2; }", "it", "at most one of a, b"),
        ("map<int32, string> it = 1;", "it", "keys"),
        ("google.protobuf.Value it = 1;", "it", "JSON text"),
        ("google.protobuf.Duration it = 1;", "it", "1.5s"),
        ("string it = 1;", "", "reads as 0"),
        ("optional string it = 7;", "", "numbers"),
        ("reserved 2; optional string it = 1;", "", "reserved"),
        ("enum E { E_UNSPECIFIED = 0; A = 1; } optional E it = 1;", "it", "left out"),
    ],
)
def test_what_protobuf_says_and_a_contract_cannot_is_said(
    tmp_path: Path, field: str, place: str, why: str
) -> None:
    _, made = imported(tmp_path, "order.proto", proto(field))
    assert [loss for loss in made.losses if loss.place == place and why in loss.why]


def test_one_of_several_messages_is_chosen_by_name(tmp_path: Path) -> None:
    several = proto("optional Line line = 1;", "message Line { optional string sku = 1; }")
    with pytest.raises(UnusableInput, match=r"choose one with --message: shop.Order, shop.Line"):
        imported(tmp_path, "order.proto", several)
    contract, _ = imported(tmp_path, "order.proto", several, message="Line")
    assert list(contract.schema["properties"]) == ["sku"]
    contract, _ = imported(tmp_path, "order.proto", several, message="shop.Order")
    assert list(contract.schema["properties"]["line"]["properties"]) == ["sku"]


def schema_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


@pytest.mark.parametrize(
    ("draft", "before", "after"),
    [
        (4, {"type": "integer", "minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
        (4, {"type": "integer", "maximum": 9, "exclusiveMaximum": False}, {"maximum": 9}),
        (7, {"type": "array", "items": [{"type": "string"}]}, {"prefixItems": [{"type": "string"}]}),
        (
            7,
            {"type": "array", "items": [{"type": "string"}], "additionalItems": False},
            {"prefixItems": [{"type": "string"}], "items": False},
        ),
        (7, {"type": "object", "dependencies": {"a": ["b"]}}, {"dependentRequired": {"a": ["b"]}}),
        (
            7,
            {"type": "object", "dependencies": {"a": {"required": ["b"]}}},
            {"dependentSchemas": {"a": {"required": ["b"]}}},
        ),
        (7, {"$ref": "#/definitions/Text", "maxLength": 1}, {"minLength": 2}),
        (7, {"$ref": "#text"}, {"minLength": 2}),
        (7, {"$ref": "https://example.com/order.json#/definitions/Text"}, {"minLength": 2}),
    ],
)
def test_older_drafts_become_2020_12(
    tmp_path: Path, draft: int, before: dict[str, Any], after: dict[str, Any]
) -> None:
    named = {"Text": {"$id": "#text", "type": "string", "minLength": 2}}
    whole = {
        "$schema": f"http://json-schema.org/draft-0{draft}/schema#",
        "id" if draft == 4 else "$id": "https://example.com/order.json",
        "definitions": named,
        **schema_of(it=before),
    }
    contract, made = imported(tmp_path, "order.json", whole)
    schema = dict(contract.schema["properties"]["it"])
    assert schema.pop("type") == before.get("type", "string")
    assert schema == after
    assert made.losses == ()


def test_a_reference_of_2020_12_counts_beside_its_neighbours(tmp_path: Path) -> None:
    whole = {"$defs": {"Text": {"type": "string", "minLength": 2}}}
    whole |= schema_of(it={"$ref": "#/$defs/Text", "maxLength": 5, "description": "Its name."})
    contract, _ = imported(tmp_path, "order.json", whole)
    assert contract.schema["properties"]["it"] == {
        "maxLength": 5,
        "description": "Its name.",
        "allOf": [{"type": "string", "minLength": 2}],
    }


ALIKE: list[Any] = [
    {"$schema": "/page/edit/1.0.0"},
    {"$id": "https://example.com/x", "$ref": "#/nowhere"},
    {"$anchor": "a b", "$dynamicRef": "#x", "items": {"$id": "/y"}, "properties": {"z": {"$schema": "/w"}}},
    {"$id": 5, "$vocabulary": {}},
]
"""Data that looks like a schema."""


@pytest.mark.parametrize("data", ALIKE)
@pytest.mark.parametrize(
    "around",
    [
        lambda data: {"examples": [data]},
        lambda data: {"default": data},
        lambda data: {"const": data},
        lambda data: {"enum": [data]},
        lambda data: {"x-sample": data},
        lambda data: {"not": {"const": data}},
    ],
)
def test_data_in_a_schema_is_no_schema(
    tmp_path: Path, around: Callable[[Any], dict[str, Any]], data: Any
) -> None:
    part = around(data)
    contract, made = imported(tmp_path, "order.json", schema_of(it=part) | {"examples": [{"it": data}]})
    assert contract.schema["properties"]["it"] == part
    assert made.losses == ()


def test_a_field_may_be_called_as_a_keyword_is(tmp_path: Path) -> None:
    names = ["$schema", "$id", "$ref", "$defs", "properties", "items"]
    whole = schema_of(**{name: {"type": "string"} for name in names})
    contract, made = imported(tmp_path, "order.json", whole | {"examples": [dict.fromkeys(names, "/a/1")]})
    assert list(contract.schema["properties"]) == names
    assert made.losses == ()


@pytest.mark.parametrize("meaning", [True, False])
@pytest.mark.parametrize(
    "around", [lambda part: part, lambda part: {"type": "array", "items": part}, lambda part: {"not": part}]
)
def test_a_definition_may_be_true_or_false(
    tmp_path: Path, around: Callable[[Any], dict[str, Any]], meaning: bool
) -> None:
    whole = {
        "type": "object",
        "$defs": {"it": meaning},
        "properties": {"it": around({"$ref": "#/$defs/it", "description": "Something."})},
    }
    contract, made = imported(tmp_path, "order.json", whole)
    assert contract.schema["properties"]["it"] == around(meaning)
    assert made.losses == ()


OPTIONAL: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"type": ["string", "null"]}, {"type": "string"}, {"type": ["string", "null"]}),
    (
        {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "It"},
        {"type": "string", "title": "It"},
        {"type": ["string", "null"], "title": "It"},
    ),
    (
        {"type": ["string", "null"], "enum": ["a", None]},
        {"type": "string", "enum": ["a"]},
        {"type": ["string", "null"], "enum": ["a", None]},
    ),
]


@pytest.mark.parametrize(("optional", "absent", "null"), OPTIONAL)
def test_what_may_be_null_and_absent_stays_both_unless_another_choice_is_made(
    tmp_path: Path, optional: dict[str, Any], absent: dict[str, Any], null: dict[str, Any]
) -> None:
    whole = {"type": "object", "properties": {"it": optional}}
    for choice, required, accepted in (
        ("both", None, [{}, {"it": None}, {"it": "a"}]),
        ("absent", None, [{}, {"it": "a"}]),
        ("null", ["it"], [{"it": None}, {"it": "a"}]),
    ):
        folder = tmp_path / choice
        folder.mkdir()
        contract, made = imported(folder, "order.json", whole, null_or_absent=choice)
        assert [loss.place for loss in made.losses] == ["properties/it"]
        assert contract.schema.get("required") == required
        schema = validator(contract.schema)
        assert [data for data in ({}, {"it": None}, {"it": "a"}) if schema.is_valid(data)] == accepted
        if choice != "both":
            assert contract.schema["properties"]["it"] == (absent if choice == "absent" else null)
    # It is the default, and what the archive keeps tells the two apart.
    contract, _ = imported(tmp_path, "order.json", whole)
    assert isinstance(contract.data_type, Struct)
    for data in ({}, {"it": None}, {"it": "a"}):
        assert from_column(contract.data_type, to_column(contract.data_type, data)) == data


def test_null_in_a_condition_stays_as_it_is(tmp_path: Path) -> None:
    nullable = {"properties": {"it": {"type": ["string", "null"]}}}
    whole = {**schema_of(it={"type": ["string", "null"]}), "allOf": [nullable], "if": nullable}
    contract, made = imported(tmp_path, "order.json", whole)
    assert (contract.schema["allOf"], contract.schema["if"]) == ([nullable], nullable)
    assert made.losses == ()


@pytest.mark.parametrize(
    ("part", "place", "why"),
    [
        ({"$ref": "https://elsewhere.example/x.json"}, "properties/it", "not in this file"),
        ({"type": "string", "pattern": "(?<!a"}, "properties/it/pattern", "no regular expression"),
        ({"type": "string", "nullable": True}, "properties/it/nullable", "no keyword"),
    ],
)
def test_what_json_schema_says_and_a_contract_cannot_is_said(
    tmp_path: Path, part: dict[str, Any], place: str, why: str
) -> None:
    _, made = imported(tmp_path, "order.json", schema_of(it=part))
    assert [(loss.place, why in loss.why) for loss in made.losses] == [(place, True)]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "string", "pattern": r"^[A-Z]{3}-\d{4,}(?:/[a-z]+|!)?$"},
        {"type": "string", "pattern": "^(cus|org)_[^_]+\\.(?<tail>x*)$"},
        {"type": "string", "minLength": 30, "maxLength": 30},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "integer", "maximum": -7},
        {"type": "integer", "multipleOf": 7, "minimum": 50},
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
        {
            "oneOf": [
                {"type": "object", "required": ["a"], "properties": {"a": {"const": 1}}},
                {"type": "null"},
            ]
        },
        {"allOf": [{"type": "string"}, {"minLength": 12}]},
        {"const": {"a": [1]}},
        *({"type": "string", "format": name} for name in ("email", "ipv6", "time", "duration", "decimal")),
    ],
)
def test_an_example_is_built_that_the_contract_accepts(tmp_path: Path, part: dict[str, Any]) -> None:
    contract, _ = imported(tmp_path, "order.json", schema_of(it=part))
    assert "it" in contract.examples[0]["data"]


def nested(levels: int) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        part = schema_of(it=part)
    return part


def doubling(levels: int) -> dict[str, Any]:
    named = {
        f"L{n}": schema_of(a={"$ref": f"#/$defs/L{n + 1}"}, b={"$ref": f"#/$defs/L{n + 1}"})
        for n in range(levels)
    }
    return {"$defs": {**named, f"L{levels}": {"type": "string"}}, **schema_of(it={"$ref": "#/$defs/L0"})}


def fixed(size: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": "F", "size": size}


RECURSIVE = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.json", "{", "this is not JSON"),
        ("x.json", "[" * 100_000, "nested deeper"),
        ("x.json", '{"a": 1, "a": 2}', "stands twice"),
        ("x.json", '{"a": NaN}', "NaN is not JSON"),
        ("x.json", '{"description": "\\ud800"}', "surrogate"),
        ("x.json", " " * 1_000_001, "1,000,000 bytes"),
        ("x.json", [], "is an object"),
        ("x.json", {"type": "array"}, "the data of an event is an object"),
        ("x.json", {"$schema": "http://json-schema.org/draft-03/schema#"}, "not a JSON Schema of draft 4"),
        ("x.json", schema_of(it={"$ref": "#"}), "holds itself"),
        ("x.json", {"$ref": "#"}, "holds itself"),
        ("x.json", {"$defs": {"A": {"$ref": "#/$defs/A"}}, **schema_of(a={"$ref": "#/$defs/A"})}, "holds"),
        ("x.json", doubling(15), "more than 5,000 parts"),
        ("x.json", nested(45), "in 60 levels"),
        ("x.json", schema_of(a={"type": "string"}, A={"type": "string"}), "that no other field has"),
        ("x.json", schema_of(it={"type": "any"}), "properties/it/type"),
        ("x.json", schema_of(it={"type": "string", "pattern": "^(?=a)b$"}), "no example could be built"),
        ("x.json", schema_of(it=False), "no example could be built"),
        ("x.json", schema_of(it={"type": "array", "minItems": 10**9}), "no example could be built"),
        ("x.json", schema_of(it={"type": "string", "minLength": 10**9}), "no example could be built"),
        ("x.avsc", '"string"', "there is none"),
        ("x.avsc", {"type": "record", "fields": []}, "this is no Avro schema"),
        ("x.avsc", record({"name": "a", "type": "nowhere.Known"}), "this is no Avro schema"),
        ("x.avsc", RECURSIVE, "holds itself"),
        ("x.avsc", record({"name": "a", "type": fixed("x")}), "a number of bytes"),
        ("x.avsc", record({"name": "a", "type": fixed(10**12)}), "no example could be built"),
        (
            "x.avsc",
            record({"name": "a", "type": {"type": "enum", "name": "E", "symbols": 5}}),
            "no Avro schema",
        ),
        ("x.json", schema_of(it={"type": "string", "minLength": "x"}), "properties/it/minLength"),
        ("x.json", {"properties": {"a": 5}}, "a schema is an object"),
        ("x.avsc", "[" * 100_000, "nested deeper"),
        ("x.proto", "message", "x.proto: 1:"),
        ("x.proto", proto("Order next = 1;"), "holds itself"),
        ("x.proto", proto("string a = 1;", "import 'other.proto';"), "imports"),
        ("x.proto", 'syntax = "proto3";', "there is no message"),
        ("x.xsd", "<schema/>", "name the file"),
    ],
)
def test_what_makes_no_contract_is_refused_in_one_line(
    tmp_path: Path, name: str, content: Any, why: str
) -> None:
    with pytest.raises(UnusableInput) as refusal:
        imported(tmp_path, name, content)
    assert why in str(refusal.value)
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 600


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.text(min_size=1).filter(str.strip), VALUES)
def test_whatever_a_contract_says_its_text_reads_back(
    tmp_path_factory: pytest.TempPathFactory, description: str, value: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "order.placed.v1.yaml"
    content = {
        "type": "order.placed.v1",
        "revision": 1,
        "owner": "no",
        "description": description,
        "actor": ["on", "y"],
        "object": "order",
        "data": {"type": "object", "properties": {"it": {"default": value}}},
        "examples": [{"data": {"it": value}}],
    }
    path.write_text(contract_text(content, [description]), encoding="utf-8")
    contract = load_contract(path)
    assert contract.description == description.strip()
    assert contract.actor_types == ("on", "y")
    assert contract.schema == content["data"]
    assert list(contract.examples) == content["examples"]


MONEY = """syntax = "proto3"; package common; import "common/currency.proto";
// An amount.
message Money { int64 minor = 1; Currency currency = 2; }"""
CURRENCY = """syntax = "proto3"; package common;
enum Currency { CURRENCY_UNSPECIFIED = 0; EUR = 1; }"""
ORDER = """syntax = "proto3"; package shop; import "common/money.proto";
import "google/protobuf/timestamp.proto";
message Order { common.Money price = 1; google.protobuf.Timestamp at = 2; }"""


def put(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.parametrize("beside", [True, False])
def test_a_protobuf_file_may_import_others(tmp_path: Path, beside: bool) -> None:
    folder = tmp_path if beside else tmp_path / "a:b=c"  # to protoc a colon and an equals sign say something
    put(folder, {"common/money.proto": MONEY, "common/currency.proto": CURRENCY})
    contract, made = imported(tmp_path, "order.proto", ORDER, folders=() if beside else (folder,))
    assert contract.schema["properties"] == {
        "price": {
            "type": "object",
            "description": "An amount.",
            "properties": {
                "minor": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
                "currency": {"type": "string", "enum": ["EUR"]},
            },
        },
        "at": {"type": "string", "format": "date-time"},
    }
    assert "price.currency" in [loss.place for loss in made.losses]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, ": imports 'common/money.proto', which is in none of the folders: name the one"),
        ({"common/money.proto": MONEY}, "/common/money.proto: 1:36: imports 'common/currency.proto', which"),
        ({"common/money.proto": "message"}, "/common/money.proto: 1:8: Expected message name."),
        (
            {"common/money.proto": MONEY.replace("common/currency.proto", "../../etc/passwd")},
            "imports '../../etc/passwd'",
        ),
    ],
)
def test_an_import_that_can_not_be_read_is_named(tmp_path: Path, files: dict[str, str], why: str) -> None:
    put(tmp_path, files)
    with pytest.raises(UnusableInput) as refusal:
        imported(tmp_path, "order.proto", ORDER)
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


MONEY_RECORD = record({"name": "minor", "type": "long"}, {"name": "currency", "type": "common.Currency"})
CURRENCY_ENUM = {"type": "enum", "name": "Currency", "namespace": "common", "symbols": ["EUR"]}
ORDER_RECORD = record({"name": "price", "type": "common.Money"}, {"name": "paid", "type": "common.Money"})


@pytest.mark.parametrize("beside", [True, False])
def test_an_avro_record_may_name_types_of_other_files(tmp_path: Path, beside: bool) -> None:
    folder = tmp_path if beside else tmp_path / "types" / "deep"
    money = MONEY_RECORD | {"name": "Money", "namespace": "common"}
    put(folder, {"m.avsc": json.dumps(money), "c.avsc": json.dumps([CURRENCY_ENUM]), "z.avsc": "{broken"})
    folders = () if beside else (tmp_path / "types",)
    contract, _ = imported(tmp_path, "order.avsc", ORDER_RECORD, folders=folders)
    price = {
        "type": "object",
        "required": ["minor", "currency"],
        "properties": {
            "minor": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            "currency": {"type": "string", "enum": ["EUR"]},
        },
    }
    assert contract.schema["properties"] == {"price": price, "paid": price}


def test_an_avro_type_that_is_nowhere_is_named(tmp_path: Path) -> None:
    for folders, where in (((), "name its file's folder with -I"), ((tmp_path,), "nor in the folders")):
        with pytest.raises(UnusableInput, match=rf"common\.Money is not defined here.*{where}"):
            imported(tmp_path, "order.avsc", ORDER_RECORD, folders=folders)
    put(tmp_path, {"m.avsc": json.dumps(MONEY_RECORD | {"name": "common.Money", "fields": 5})})
    with pytest.raises(UnusableInput, match=r"m\.avsc: this is no Avro schema"):
        imported(tmp_path, "order.avsc", ORDER_RECORD)


Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def type_import(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type `factlog contracts import`: exit code, output, talk."""

    def typed(*arguments: object) -> tuple[int, str, str]:
        code = run(["contracts", "import", *map(str, arguments)])
        return code, *capsys.readouterr()

    return typed


def test_import_writes_a_file_once_and_says_what_was_lost(tmp_path: Path, type_import: Typed) -> None:
    file = tmp_path / "order.avsc"
    file.write_text(json.dumps(record({"name": "it", "type": "bytes"})))
    arguments = [str(file), "--type", "order.placed.v1", "--contracts", str(tmp_path / "contracts")]
    code, printed, errors = type_import(*arguments)
    written = tmp_path / "contracts" / "order.placed.v1.yaml"
    assert (code, printed.strip()) == (0, str(written))
    assert errors.splitlines() == [
        "not carried over: it: bytes become a text in base64, which is not checked",
    ]
    before = written.read_bytes()
    code, _, errors = type_import(*arguments)
    assert code == 2
    assert "is there already" in errors
    assert written.read_bytes() == before
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_import_takes_folders_and_a_choice_of_null(tmp_path: Path, type_import: Typed) -> None:
    put(tmp_path / "api", {"order.proto": ORDER})
    put(tmp_path / "root", {"common/money.proto": MONEY, "common/currency.proto": CURRENCY})
    arguments = ["--type", "order.placed.v1", "--output", "-"]
    code, printed, _ = type_import(tmp_path / "api" / "order.proto", "-I", tmp_path / "root", *arguments)
    assert (code, "EUR" in printed) == (0, True)
    code, _, errors = type_import(tmp_path / "api" / "order.proto", "-I", tmp_path / "rot", *arguments)
    assert (code, errors) == (2, f"factlog: -I {tmp_path / 'rot'}: there is no such folder\n")
    whole = {"type": "object", "properties": {"it": {"type": ["string", "null"]}}}
    put(tmp_path, {"order.json": json.dumps(whole)})
    code, _, errors = type_import(tmp_path / "order.json", *arguments)
    assert (code, errors) == (
        0,
        "not carried over: properties/it: may be null and may be absent; its column holds JSON text, which "
        "tells the two apart (--null-or-absent gives it a type)\n",
    )
    code, printed, _ = type_import(tmp_path / "order.json", "--null-or-absent", "null", "--json", *arguments)
    assert "required:" in json.loads(printed)["contract"]


def test_import_reads_a_file_without_a_draft_as_the_one_that_is_named(
    tmp_path: Path, type_import: Typed
) -> None:
    beside_a_reference = {
        "type": "object",
        "properties": {"it": {"$ref": "#/definitions/text", "maxLength": 3}},
        "required": ["it"],
        "definitions": {"text": {"type": "string"}},
    }
    put(tmp_path, {"order.json": json.dumps(beside_a_reference), "order.proto": ORDER})
    arguments = ["--type", "order.placed.v1", "--output", "-"]
    code, printed, errors = type_import(tmp_path / "order.json", *arguments)
    assert (code, "maxLength" in printed) == (0, False)
    assert errors == (
        "not carried over: the whole: there is no $schema, and `definitions` is older syntax; "
        "it is read as draft 7 (--draft names another)\n"
    )
    code, printed, errors = type_import(tmp_path / "order.json", "--draft", "2019-09", *arguments)
    assert (code, "maxLength: 3" in printed, errors) == (0, True, "")
    code, _, errors = type_import(tmp_path / "order.proto", "--draft", "7", *arguments)
    assert (code, errors) == (
        2,
        f"factlog: {tmp_path / 'order.proto'}: --draft is for JSON Schema; leave it out\n",
    )
    code, _, errors = type_import(tmp_path / "order.json", "--draft", "3", *arguments)
    assert (code, "'3' is not one of '4', '6', '7', '2019-09', '2020-12'" in errors) == (2, True)


def test_import_prints_a_report(tmp_path: Path, type_import: Typed) -> None:
    file = tmp_path / "order.avsc"
    file.write_text(json.dumps(record({"name": "it", "type": "bytes"})))
    code, printed, _ = type_import(str(file), "--type", "order.placed.v1", "--output", "-", "--json")
    report = json.loads(printed)
    assert (code, report["path"], report["losses"][0]["place"]) == (0, None, "it")


def test_a_contract_that_would_break_the_folder_is_not_put_there(tmp_path: Path, type_import: Typed) -> None:
    file = tmp_path / "order.avsc"
    file.write_text(json.dumps(record({"name": "it", "type": "string"})))
    folder = tmp_path / "contracts"
    assert type_import(str(file), "--type", "order.placed.v1", "--contracts", str(folder))[0] == 0
    code, _, errors = type_import(str(file), "--type", "order.placed.v2", "--contracts", str(folder))
    assert code == 2
    assert "upcast_from_v1" in errors
    assert [path.name for path in folder.iterdir()] == ["order.placed.v1.yaml"]

"""A mapping and its contracts: given what a rule gives, expect the one line that says what can never land."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.mapping.contract_check import check_contracts
from event_archive.mapping.mapping import load_mapping
from event_archive.registry.contract import Contract, Contracts, load_contracts
from support.hunting import examples
from support.mapped_values import mapping_of, outcomes

ROOT = Path(__file__).parents[3]
FIELDS: dict[str, Any] = {
    "amount_minor": {"type": "integer"},
    "currency": {"enum": ["EUR", "USD"]},
    "note": {"type": "string"},
    "day": {"type": "string", "format": "date"},
    "at": {"$ref": "#/$defs/moment"},
    "paid": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    "share": {"type": "number"},
    "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
    "address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "x-1": {},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": FIELDS,
    "patternProperties": {"^tag_": {"type": "string"}},
    "$defs": {
        "moment": {"type": "string", "format": "date-time"},
        "line": {"type": "object", "additionalProperties": False, "properties": {"sku": {"type": "string"}}},
    },
}


def contracts_with(
    schema: dict[str, Any], event_type: str = "thing.done.v1", actor: str = "user"
) -> Contracts:
    texts = {"owner": "tests", "description": "A thing was done.", "path": Path(f"{event_type}.yaml")}
    names = {
        "object_type": "thing",
        "verb": "done",
        "major": 1,
        "revision": 1,
        "actor_types": (actor, "system"),
    }
    return Contracts([Contract(type=event_type, schema=schema, examples=(), **texts, **names)])  # type: ignore[arg-type]


def fault(data: Any, schema: dict[str, Any]) -> str:
    """The line by which a mapping is refused, without its beginning; empty where it is not."""
    try:
        check_contracts(mapping_of(json.dumps(data)), contracts_with(schema))
    except UnusableInput as error:
        line = str(error)
        assert "\n" not in line and re.search(r"mapping\.yaml, line \d+: rule all: ", line)
        return line.partition("rule all: ")[2]
    return ""


WRONG = [
    (
        {"ammount_minor": "n"},
        "data.ammount_minor: thing.done.v1 has no such field; did you mean amount_minor?",
    ),
    ({"colour": "n"}, "data.colour: thing.done.v1 has no such field; name one that it has, or leave it out"),
    (
        {"lines": {"$each": "l", "$as": {"sku": "s", "skuu": "s"}}},
        "data.lines[].skuu: thing.done.v1 has no such",
    ),
    (
        {"amount_minor": "concat(a, b)"},
        "data.amount_minor: gives VARCHAR, and thing.done.v1 takes integer; CAST it to",
    ),
    (
        {"note": "CAST(a AS BIGINT)"},
        "data.note: gives BIGINT, and thing.done.v1 takes string; CAST it to VARCHAR",
    ),
    ({"tag_a": "a = 'x'"}, "data.tag_a: gives BOOLEAN, and thing.done.v1 takes string; CAST it to VARCHAR"),
    ({"paid": "lower(a)"}, "data.paid: gives VARCHAR, and thing.done.v1 takes boolean or null"),
    ({"share": "lower(a)"}, "data.share: gives VARCHAR, and thing.done.v1 takes number; CAST it to DECIMAL"),
    (
        {"day": "timestamp_seconds(a)"},
        "data.day: gives TIMESTAMP WITH TIME ZONE, and thing.done.v1 has a date there",
    ),
    ({"at": "CAST(a AS DATE)"}, "data.at: gives DATE, and thing.done.v1 has a date-time there; CAST it"),
    (
        {"currency": {"$constant": "EURO"}},
        'data.currency: thing.done.v1 never takes it: "EURO" is not one of',
    ),
    ({"at": {"$constant": "soon"}}, 'data.at: thing.done.v1 never takes it: "soon" is not a "date-time"'),
    ({"note": {"a": "a"}}, "data.note: gives an object, and thing.done.v1 takes string; correct it"),
    ({"address": {"street": "a"}}, "thing.done.v1 requires data.address.city, which no entry gives; add it"),
    (
        {"address": {"citty": "a"}},
        "requires data.address.city, which no entry gives; did you write it as citty?",
    ),
    ({"note": {"$value": "CAST(a AS BIGINT)", "$missing": "omit"}}, "data.note: gives BIGINT"),
]


@pytest.mark.parametrize(("data", "why"), WRONG, ids=[why[:40] for _, why in WRONG])
def test_what_a_contract_can_never_take_is_said_in_one_line(data: Any, why: str) -> None:
    assert fault(data, SCHEMA).startswith(why) or why in fault(data, SCHEMA)


def test_a_required_field_that_no_rule_gives_is_said(tmp_path: Path) -> None:
    schema = SCHEMA | {"required": ["note", "share"]}
    assert fault({"note": "a"}, schema) == "thing.done.v1 requires data.share, which no entry gives; add it"


FINE = [
    dict.fromkeys(FIELDS, "copied"),
    {"tag_x": "lower(a)", "x-1": {"$constant": [1, {"a": None}]}},
    {"amount_minor": "CAST(a AS DECIMAL(18, 2))", "share": "CAST(a AS BIGINT)", "paid": "a = 'x'"},
    {
        "amount_minor": "CAST(a AS DOUBLE)",
        "day": "left(a, 10)",
        "at": "concat(a, 'Z')",
        "note": "CAST(a AS DATE)",
    },
    {"currency": {"$constant": "EUR"}, "at": {"$constant": "2026-01-01T00:00:00Z"}, "day": "CAST(a AS DATE)"},
    {"lines": {"$each": "l", "$as": {"sku": "s"}}, "address": {"city": "c", "zip": "z"}, "note": "NULL"},
]


@pytest.mark.parametrize("data", FINE)
def test_what_could_land_passes(data: Any) -> None:
    assert fault(data, SCHEMA) == ""


def test_an_open_contract_takes_any_name_and_choices_are_not_guessed() -> None:
    choice = {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "not": {"required": ["c"]}}
    schema = {"type": "object", "properties": {"amount": {}}, "oneOf": [{"required": ["x"]}, {}], **choice}
    assert fault({"amont": "n", "c": "CAST(a AS BIGINT)"}, schema) == ""


@pytest.mark.parametrize(
    ("event_type", "actor", "why"),
    [
        (
            "order.placed.v1",
            "user",
            "there is no contract for thing.done.v1; write its contract, thing.done.v1.yaml",
        ),
        ("thing.done.v2", "user", "there is no contract for thing.done.v1; did you mean thing.done.v2?"),
        ("thing.done.v1", "customer", "is of type customer or system, and not user; write {customer: …}"),
        ("thing.done.v1", "users", "and not user; did you mean users?"),
    ],
)
def test_types_that_no_contract_has_are_said(event_type: str, actor: str, why: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(why)):
        check_contracts(mapping_of("{}"), contracts_with({"type": "object"}, event_type, actor))


def test_the_github_example_passes() -> None:
    folder = ROOT / "examples" / "github"
    check_contracts(load_mapping(folder / "mapping.yaml"), load_contracts(folder / "contracts"))


PARTS = st.recursive(
    st.sampled_from(
        [
            True,
            {},
            {"type": "string"},
            {"type": "integer"},
            {"type": ["number", "null"]},
            {"type": "boolean"},
            {"enum": ["x", 1, None]},
            {"const": 5},
            {"const": "2026-01-01"},
            {"format": "date"},
            {"format": "uuid"},
            {"type": "array", "items": {"type": "string"}},
            {"$ref": "#/$defs/shared"},
            {"minimum": 3},
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"a": {"type": "string"}}, "additionalProperties": False},
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"anyOf": parts}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"allOf": parts}),
        st.tuples(inner, inner).map(lambda two: {"if": two[0], "then": two[1]}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)
VALUES: list[Any] = [
    "v",
    "lower(v)",
    "CAST(v AS BIGINT)",
    "CAST(v AS DECIMAL(9, 2))",
    "v = '5'",
    "CAST(v AS DATE)",
    "CAST(v AS UUID)",
    "string_split(v, ',')",
    {"a": "v"},
    {"b": "lower(v)"},
    {"$each": "l", "$as": "lower(v)"},
    {"$constant": 5},
    {"$constant": "x"},
    {"$constant": {"a": 1}},
    {"$value": "v", "$missing": "null"},
]
RECORDS = [
    "{}",
    *(f'{{"v":{v},"l":[{{"v":"x"}}]}}' for v in ("5", '"5"', '"x"', '"2026-01-01"', "null", "true")),
]
EVERY_VALUE: dict[str, Any] = {f"f{number}": value for number, value in enumerate(VALUES)}


@given(st.sampled_from(list(EVERY_VALUE)), PARTS, st.one_of(st.just({}), PARTS), st.booleans())
@settings(max_examples=examples(150), deadline=None)
def test_no_mapping_is_refused_of_which_an_event_could_land(
    name: str, part: Any, shared: Any, closed: bool
) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {name: part}, "allOf": [shared]}
    schema |= {"$defs": {"shared": {"type": "string"}}} | ({"additionalProperties": False} if closed else {})
    data = {name: EVERY_VALUE[name]}
    if refused := fault(data, schema):
        judge = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        given_data = [outcome for outcome in outcomes(data, RECORDS) if isinstance(outcome, dict) and outcome]
        assert not [one for one in given_data if judge.is_valid(one)], refused

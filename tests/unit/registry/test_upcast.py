"""Upcasts: given data of one major, expect it as the next. Rules that can't be used: one line."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.registry.arrow_types import arrow_type
from event_archive.registry.column_types import column_type
from event_archive.registry.exact_values import to_column
from event_archive.registry.upcast_compiler import upcast_sql
from event_archive.registry.upcast_rules import read_upcast

Data = dict[str, Any]
OLD = yaml.safe_load("""
type: object
required: [client, document, pair, words, channel, price, at]
properties:
  client: {type: string}
  document: {type: string}
  pair: {type: string}
  words: {type: string}
  channel: {type: string, enum: [web, fax]}
  price: {type: string}
  at: {type: string}
  note: {type: string}
  secret: {type: string}
  address:
    type: object
    required: [street]
    properties: {street: {type: string}, floor: {type: string}}
  lines:
    type: array
    items: {type: object, required: [code], properties: {code: {type: string}, pieces: {type: string}}}
""")
NEW = yaml.safe_load("""
type: object
required: [customer_id, document, source, target, words, channel, price, at, note, origin]
properties:
  customer_id: {type: string}
  document: {type: string, format: uuid}
  source: {type: string}
  target: {type: string}
  words: {type: integer}
  channel: {type: string, enum: [web]}
  price: {type: string, format: decimal, x-precision: 12, x-scale: 2}
  at: {type: string, format: date-time}
  note: {type: string}
  origin: {type: string}
  rating: {type: integer}
  address:
    type: object
    required: [street, floor]
    properties: {street: {type: string}, floor: {type: integer}}
  lines:
    type: array
    items: {type: object, required: [sku], properties: {sku: {type: string}, pieces: {type: integer}}}
""")
RULES = yaml.safe_load("""
rename: {customer_id: client, "lines[].sku": "lines[].code"}
cast: [document, words, price, at, address.floor, "lines[].pieces"]
default: {note: none given, address.floor: 0}
constant: {origin: before}
expression:
  source: split_part(pair, '>', 1)
  target: split_part(pair, '>', 2)
  channel: CASE WHEN channel = 'fax' THEN 'web' ELSE channel END
drop: [secret]
""")
ONE: Data = {
    "client": "cus_1",
    "document": "0D4B1F6E-2f0a-4c0f-9d53-3c2f6f1f9a11",
    "pair": "en>pt",
    "words": "97",
    "channel": "fax",
    "price": "12.500",
    "at": "2026-01-03T10:14:07.25+01:00",
    "secret": "x",
    "address": {"street": "Rua 1"},
    "lines": [{"code": "a", "pieces": "2"}, {"code": "b"}],
}
READS: Data = {
    "customer_id": "cus_1",
    "document": UUID(ONE["document"]),
    "source": "en",
    "target": "pt",
    "words": 97,
    "channel": "web",
    "price": Decimal("12.50"),
    "at": datetime(2026, 1, 3, 9, 14, 7, 250_000, UTC),
    "note": "none given",
    "origin": "before",
    "rating": None,
    "address": {"street": "Rua 1", "floor": 0},
    "lines": [{"sku": "a", "pieces": 2}, {"sku": "b", "pieces": None}],
}


def sql_of(rules: Mapping[str, Any], old: Data = OLD, new: Data = NEW) -> str:
    upcast = read_upcast(Path("new.yaml"), "upcast_from_v1", rules)
    return upcast_sql(upcast, column_type(old, old), column_type(new, new), "data")


def upcast(values: list[Data], sql: str, old: Data = OLD) -> list[Any]:
    """The values by an upcast, each alone: what can't be read is None."""
    kind = column_type(old, old)
    table = pa.table({"data": pa.array([to_column(kind, value) for value in values], arrow_type(kind))})
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("events", table)
        return [row for (row,) in connection.execute(f"SELECT TRY({sql}) FROM events").fetchall()]


def test_every_kind_of_rule_in_one_event() -> None:
    assert upcast([ONE], sql_of(RULES)) == [READS]


def test_an_absent_object_stays_absent_and_an_absent_list_too() -> None:
    bare = {name: value for name, value in ONE.items() if name not in ("address", "lines")}
    assert upcast([bare], sql_of(RULES)) == [READS | {"address": None, "lines": None}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("document", "not-a-uuid"),
        ("words", "1.5"),
        ("words", "9223372036854775808"),
        ("words", "1e3"),
        ("price", "12.345"),
        ("price", "99999999999.00"),
        ("at", "2026-01-03T10:14:07"),
        ("at", "2026-02-30T00:00:00Z"),
        ("at", "2026-01-03T10:14:07.1234567Z"),
    ],
)
def test_what_would_change_in_a_cast_fails(field: str, value: str) -> None:
    assert upcast([ONE | {field: value}, ONE], sql_of(RULES)) == [None, READS]


def test_a_failing_cast_names_field_and_value() -> None:
    with duckdb.connect() as connection:
        connection.register(
            "events",
            pa.table({"data": pa.array([to_column(column_type(OLD, OLD), ONE | {"words": "many"})])}),
        )
        typed = f"SELECT CAST(data AS {column_type(OLD, OLD).sql()}) AS data FROM events"
        with pytest.raises(duckdb.ConversionException, match='words: "many" is not exactly a BIGINT'):
            connection.execute(f"SELECT {sql_of(RULES)} FROM ({typed})").fetchall()


def changed(change: Callable[[Data], object]) -> Data:
    rules: Data = yaml.safe_load(yaml.safe_dump(RULES))
    change(rules)
    return rules


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda r: r["drop"].remove("secret"), "secret: nothing takes up this field of the older major"),
        (
            lambda r: r["drop"].append("words"),
            "drop/words: the older major has no such field, or it is still",
        ),
        (lambda r: r["drop"].append("nope"), "drop/nope: the older major has no such field"),
        (lambda r: r["cast"].remove("document"), "document: is UUID now and was VARCHAR; name it under cast"),
        (
            lambda r: r["rename"].pop("customer_id"),
            "customer_id: is required, and the older major has no such",
        ),
        (lambda r: r["rename"].update(rating="nope"), "rename/rating: the older major has no field 'nope'"),
        (lambda r: r["rename"].update(nope="client"), "rename/nope: this contract has no such field"),
        (lambda r: r["default"].pop("note"), "note: is required, and may be absent or null before"),
        (lambda r: r["constant"].update(rating="five"), "rating: 'five' is no BIGINT"),
        (lambda r: r["constant"].update(origin=None), "origin: is required and can't be null"),
        (lambda r: r["constant"].update(channel="web"), "channel: has two sources"),
        (lambda r: r["cast"].append("source"), "source: a constant or an expression is not cast"),
        (lambda r: r["expression"].update(source="nope"), "the older major has no field 'nope'"),
        (lambda r: r["expression"].update(source="pair +"), "it is not a SQL expression"),
        (
            lambda r: r["expression"].update(source="getenv(pair)"),
            "function getenv at column 1 is not allowed",
        ),
        (lambda r: r["expression"].update(source="length(words > 1)"), "expression `length(words > 1)`"),
        (lambda r: r["expression"].update(source="address"), "STRUCT"),
        (
            lambda r: r.update(rename={**r["rename"], "rating": 7}),
            "upcast_from_v1/rename/rating: 7 is not of type",
        ),
        (lambda r: r.update(delete=["x"]), "'delete' was unexpected"),
    ],
)
def test_rules_that_cannot_be_used_say_why(change: Callable[[Data], object], line: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(line)) as error:
        sql_of(changed(change))
    assert str(error.value).startswith("new.yaml: upcast_from_v1") and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["it's", 'a"b', "); DROP TABLE events; --", "a.b", "lines[]"])
def test_names_of_fields_reach_sql_quoted(name: str) -> None:
    old = {"type": "object", "required": [name], "properties": {name: {"type": "string"}}}
    new = {"type": "object", "required": ["plain"], "properties": {"plain": {"type": "string"}}}
    if "." in name:  # reads as the path to a field within another
        with pytest.raises(UnusableInput):
            sql_of({"rename": {"plain": name}}, old, new)
    else:
        assert upcast([{name: "v"}], sql_of({"rename": {"plain": name}}, old, new), old) == [{"plain": "v"}]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
NUMBERS = st.one_of(st.integers().map(str), st.sampled_from(["1.5", "01", "-0", "", "1e3", " 7"]))
PRICES = st.one_of(st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str), NUMBERS)
MOMENTS = st.one_of(
    st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1)).map(lambda at: f"{at.isoformat()}Z"), TEXTS
)
OLD_DATA = st.fixed_dictionaries(
    {
        "client": TEXTS,
        "document": st.one_of(st.uuids().map(str), TEXTS),
        "pair": st.one_of(TEXTS, st.sampled_from(["en>pt", ">", "a>b>c"])),
        "words": NUMBERS,
        "channel": st.sampled_from(["web", "fax"]),
        "price": PRICES,
        "at": MOMENTS,
    },
    optional={
        "note": TEXTS,
        "secret": TEXTS,
        "address": st.fixed_dictionaries({"street": TEXTS}, optional={"floor": NUMBERS}),
        "lines": st.lists(st.fixed_dictionaries({"code": TEXTS}, optional={"pieces": NUMBERS}), max_size=3),
    },
)


def reference(old: Data) -> Data | None:
    """What RULES say, in plain Python; casts are the exact conversions by which events land."""
    pair = [*old["pair"].split(">"), "", ""]
    document: Data = {
        "customer_id": old["client"],
        "document": old["document"],
        "source": pair[0],
        "target": pair[1],
        "channel": "web",
        "price": old["price"],
        "at": old["at"],
        "note": old.get("note", "none given"),
        "origin": "before",
    }
    try:
        document["words"] = whole(old["words"])
        if "address" in old:
            document["address"] = {
                "street": old["address"]["street"],
                "floor": whole(old["address"].get("floor", "0")),
            }
        if "lines" in old:
            document["lines"] = [
                {"sku": line["code"]} | ({"pieces": whole(line["pieces"])} if "pieces" in line else {})
                for line in old["lines"]
            ]
        row: Data = to_column(column_type(NEW, NEW), document)
    except ValueError:
        return None
    return row | {"document": UUID(row["document"])}


def whole(text: str) -> int:
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)", text, re.ASCII):
        raise ValueError(text)
    return int(text)


@given(st.lists(OLD_DATA, min_size=1, max_size=20))
def test_the_sql_equals_a_plain_evaluation_event_by_event(values: list[Data]) -> None:
    assert upcast(values, sql_of(RULES)) == [reference(value) for value in values]

"""The fast validator is never laxer than the exact one, and it is used where it pays.

The hunt: contracts made from the keywords that the fast test knows, a shape learned from a good record, and
records whose every value is drawn from spellings that readers of JSON disagree about. Whatever the fast test
accepts, the exact judge has to accept, and with the same row.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from event_archive import Archive
from event_archive.decoding.record_chunk import Chunk, chunk_of
from event_archive.landing import router as routing
from event_archive.landing.routed import Routed, Rows
from event_archive.landing.router import Router
from event_archive.registry.contract import Contract, Contracts, load_contracts
from event_archive.validation.exact_validator import Accepted, validate
from event_archive.validation.fast_conditions import Unfit
from event_archive.validation.fast_validator import learn_validator
from support.events import WEIGHED, WEIGHED_DATA, contract, text, weighed
from support.hostile_json import MOMENTS, Hunter, Raw, spelled, words

ROOT = Path(__file__).parents[3]
LATEST = datetime(2027, 1, 1, tzinfo=UTC)
Row = dict[str, Any]
FastRows = Callable[..., dict[int, Row]]


class FastRouter(Router):
    """Routes by shapes alone; what they leave is nobody's."""

    def _validate_exactly(self, chunk: Chunk, rows: Rows, routed: Routed) -> None:
        pass


@pytest.fixture(autouse=True)
def _learn_from_any_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "WORTH_COMPILING", 1)
    monkeypatch.setattr(routing, "USUAL_SHARE", 0)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET arrow_lossless_conversion = true")
        yield connection


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path, Contracts([contract(WEIGHED_DATA)]), may_create=True)


@pytest.fixture
def fast_rows(connection: duckdb.DuckDBPyConnection, archive: Archive) -> FastRows:
    """What the fast validator makes of records, by row, having checked it against the exact one."""

    def run(records: Sequence[bytes], of: Contract, line_end: bytes = b"\n") -> dict[int, Row]:
        archive.contracts = Contracts([of])
        places = np.arange(len(records))
        chunk = chunk_of([record + line_end[:-1] for record in records], places, places)
        router = FastRouter(archive, connection, LATEST)
        learned = rows_of(router.route(chunk))
        known = rows_of(router.route(chunk))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(routing, "MAX_FAST_VALIDATORS", 0)
            exact = rows_of(Router(archive, connection, LATEST).route(chunk))
        for row, events in [*learned.items(), *known.items()]:
            verdict = validate(chunk.record(row), archive.contracts, LATEST)
            assert isinstance(verdict, Accepted), (chunk.record(row), verdict)
            assert events == exact[row], chunk.record(row)
        return learned

    return run


def rows_of(routed: Routed) -> dict[int, Row]:
    """The accepted rows by number; `extra` as the value that its text spells."""
    accepted: dict[int, Row] = {}
    for typed in routed.tables.values():
        for row in typed.events.to_pylist():
            row["extra"] = json.loads(row["extra"]) if row["extra"] else None
            accepted[row.pop("n")] = row
    return accepted


@pytest.mark.parametrize("seed", range(6))
def test_what_the_fast_validator_accepts_the_exact_one_accepts(fast_rows: FastRows, seed: int) -> None:
    hunter = Hunter(seed)
    accepted = 0
    for _ in range(15):
        hunted, data = hunter.contract()
        accepted += len(fast_rows(hunter.records(data, 60), hunted, hunter.choice([b"\n", b"\r\n", b" \n"])))
    assert accepted > 15, "the hunt has nothing to validate"


def fields(**schemas: Mapping[str, Any]) -> Contract:
    return contract({"type": "object", "properties": schemas, "required": list(schemas)})


FAST_MOMENTS = words("""
    2026-01-01T00:00:00Z 2026-01-01T23:59:59.999999Z 2026-01-01T23:59:59.1234560Z 2026-01-01T00:00:00+00:00
    2026-01-01T00:00:00-00:00 2026-01-01T00:00:00-00:30 2026-01-01T00:00:00+14:59 2026-01-01T00:00:00-14:59
    2024-02-29T12:30:00.5+05:30 1000-01-01T00:00:00Z 1000-01-01T00:00:00+14:00 1582-10-10T00:00:00Z
    1900-01-01T00:00:00.1Z 1969-12-31T23:59:59.000001Z 2027-01-01T00:00:00Z 2027-01-01T01:00:00+01:00
""")
NUMBER: dict[str, Any] = {"type": "number"}
MONEY: dict[str, Any] = {"type": "number", "multipleOf": 0.0001}
WHOLE: dict[str, Any] = {"type": "string", "format": "decimal", "x-precision": 5, "x-scale": 0}


INTEGER: dict[str, Any] = {"type": "integer"}
TEXT: dict[str, Any] = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "good", "hostile"),
    [
        (INTEGER | {"minimum": 5}, "5", ["4"]),
        (INTEGER | {"maximum": 5}, "5", ["6"]),
        (INTEGER | {"exclusiveMinimum": 4}, "5", ["4"]),
        (INTEGER | {"exclusiveMaximum": 6}, "5", ["6"]),
        (INTEGER | {"maximum": 5.5}, "5", ["6"]),
        (INTEGER | {"multipleOf": 5}, "5", ["6", "-4"]),
        (NUMBER | {"minimum": 0.1}, "0.1", ["0.09999999999999999"]),
        (NUMBER | {"maximum": 0.3}, "0.3", ["0.30000000000000004"]),
        (NUMBER | {"exclusiveMaximum": 0.3}, "0.29999999999999993", ["0.3"]),
        (MONEY | {"minimum": 0.1}, "0.1", ["0.0999"]),
        (MONEY | {"exclusiveMinimum": 0.1}, "0.1001", ["0.1"]),
        (TEXT | {"minLength": 2}, '"é😀"', ['"😀"', '""']),
        (TEXT | {"maxLength": 2}, '"é😀"', ['"abc"']),
        (TEXT | {"enum": ["a", "b"]}, '"b"', ['"B"', '"c"', '""', "null"]),
        (TEXT | {"const": "it's"}, '"it\'s"', ['"its"', "null"]),
        (TEXT | {"pattern": "^(de|en)>(de|en)$"}, '"de>en"', ['"de>fr"', '"de"', '"de>en>de"']),
        (TEXT | {"pattern": "^[^/]+/[^/]+$"}, '"a/b"', ['"a/b/c"', '"/b"', '"a"']),
        (TEXT | {"format": "email"}, '"a.b@c-d.ee"', ['"a@b"', '"a..b@c.dd"', '"a@-b.cc"', '"a"']),
        ({"type": "array", "items": TEXT, "minItems": 1}, '["a"]', ["[]", "[null]", "[1]", "null"]),
        ({"type": "array", "items": TEXT, "maxItems": 1}, '["a"]', ['["a","b"]']),
        ({"type": "array", "items": TEXT | {"enum": ["a"]}}, '["a","a"]', ['["a","b"]', '["a",null]']),
    ],
)  # fmt: skip
def test_a_value_just_beyond_what_a_keyword_allows(
    fast_rows: FastRows, schema: dict[str, Any], good: str, hostile: list[str]
) -> None:
    records = [spelled(weighed(1) | {"data": {"a": Raw(value)}}).encode() for value in [good, *hostile]]
    assert list(fast_rows(records, fields(a=schema))) == [0]


@pytest.mark.parametrize(
    ("schema", "good", "hostile"),
    [
        (
            NUMBER,
            "1.5",
            ["nan", "inf", "-inf", "NaN", "1e400", "1.50", "15e-1", "0.1000000000000000055511151231257827"],
        ),
        (NUMBER | {"minimum": 0}, "1.5", ["nan", "inf", "-0.5", '"1.5"']),
        (MONEY, "1.5", ["1234567890123.1235", "12345678901234567.5", "0.00001", "1.50", "nan", "1e2"]),
        (WHOLE, '"12"', ['"1.5"', '"123456"', '"012"', '"1e2"', "12", '"NaN"']),
        (
            {"type": "integer"},
            "12",
            ["1.0", '"12"', "012", "9223372036854775808", "1e1", "-0", "true", "null"],
        ),
        ({"type": "string"}, '"a"', ['"\\u0061"', '"\\ud800"', '"\t"', "1", "null", "true", '{"a":1}']),
        ({"type": "string", "maxLength": 1}, '"😀"', ['"😀a"', '"e\u0301"']),
        ({"type": "boolean"}, "true", ["True", '"true"', "1", "null"]),
        (
            {"type": "string", "format": "date"},
            '"2026-02-28"',
            ['"2026-02-30"', '"0000-01-01"', '"10000-01-01"', '"infinity"'],
        ),
        (
            {"type": "string", "format": "uuid"},
            f'"{"ab" * 4}-abab-abab-abab-{"ab" * 6}"',
            [f'"{"AB" * 16}"', f'"{"ab" * 16}"'],
        ),
    ],
)
def test_spellings_that_the_engine_reads_too_leniently(
    fast_rows: FastRows, schema: dict[str, Any], good: str, hostile: list[str]
) -> None:
    records = [spelled(weighed(1) | {"data": {"a": Raw(value)}}).encode() for value in [good, *hostile]]
    assert list(fast_rows(records, fields(a=schema))) == [0]


@pytest.mark.parametrize(
    ("name", "good", "hostile"),
    [
        ("verb", "null", ['"None"', '"null"', '"other"']),
        ("correlationid", '"a"', ['""', "1", '"\\u0061"']),
        ("corrects", '"a"', ['""', "1", '"\\u0061"', '"event-1"', '"a","voids":"b"']),
        ("voids", '"a"', ['""', "1", '"event-1"']),
        ("objectversion", "1", ["0", "-1", '"1"', "1.0", "9223372036854775808"]),
        (
            "time",
            '"2026-01-01T00:00:00Z"',
            [f'"{moment}"' for moment in MOMENTS if moment not in FAST_MOMENTS],
        ),
        ("actor", '"clerk/a"', ['"robot/a"', '"clerk/"', '"clerk"', '"/a"', '"Clerk/a"']),
        ("object", '"parcel/a"', ['"parcel/"', '"parcel"', '"letter/a"', '"parcelx/a"']),
        ("type", f'"{WEIGHED}"', ['"parcel.lost.v1"', "null", "1"]),
        ("datacontenttype", '"application/json"', ['"text/xml"']),
    ],
)
def test_attributes_that_the_engine_reads_too_leniently(
    fast_rows: FastRows, name: str, good: str, hostile: list[str]
) -> None:
    event = weighed(1) | {"data": {"a": "b"}}
    records = [spelled(event | {name: Raw(value)}).encode() for value in [good, *hostile]]
    assert list(fast_rows(records, fields(a={"type": "string"}))) == [0]


COMPANY = load_contracts(ROOT / "event_archive" / "contracts")


@pytest.mark.parametrize("company", COMPANY.values(), ids=lambda contract: contract.type)
def test_the_company_s_events_all_go_the_fast_way(fast_rows: FastRows, company: Contract) -> None:
    records = [text({**example, "id": str(number)}) for number in range(9) for example in company.examples]
    assert sorted(fast_rows(records, company)) == list(range(len(records)))


NULL_OR_TEXT = {"type": ["string", "null"]}
OPTIONAL = {"type": "object", "properties": {"x": INTEGER, "y": TEXT}}
NESTED = {
    "type": "object",
    "required": ["who"],
    "properties": {
        "who": {"type": "object", "required": ["name"], "properties": {"name": TEXT, "age": INTEGER}},
        "seen": {"type": ["object", "null"], "properties": {"x": INTEGER}},
        "notes": {"type": "array", "items": {"type": "array", "items": OPTIONAL}},
    },
}


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        (OPTIONAL, [{}, {"x": 1}, {"y": "a"}, {"x": 1, "y": "a"}]),
        (OPTIONAL | {"type": ["object", "null"]}, [None, {}, {"x": 1}, {"x": 2, "y": ""}]),
        (
            NESTED,
            [
                {"who": {"name": "a"}},
                {"who": {"name": "a", "age": 1}, "seen": {}, "notes": [[], [{}, {"x": 1}]]},
                {"who": {"name": "a"}, "seen": {"x": 1}, "notes": []},
            ],
        ),
        (
            {"type": "array", "items": NESTED},
            [[], [{"who": {"name": "a"}}, {"who": {"name": "b", "age": 1}}]],
        ),
    ],
)
def test_objects_that_may_be_absent_go_the_fast_way(
    fast_rows: FastRows, schema: Mapping[str, Any], values: list[Any]
) -> None:
    """As a required field, and as one that may be absent, which columns do not tell from null."""
    required = fields(a=INTEGER, b=schema)
    optional = contract(dict(required.schema) | {"required": ["a"]})
    events = [weighed(number) | {"data": {"a": 1, "b": value}} for number, value in enumerate(values)]
    assert sorted(fast_rows([text(event) for event in events], required)) == list(range(len(values)))
    without = weighed(90) | {"data": {"a": 1}}
    there = [number for number, value in enumerate(values) if value is not None]
    accepted = fast_rows([text(event) for event in [*events, without]], optional)
    assert sorted(accepted) == [*there, len(values)]


def test_what_is_absent_and_what_is_null_stay_apart_under_one_name(fast_rows: FastRows) -> None:
    """The engine writes both as null; the name may be absent in one object, and null in another."""
    nullable: Row = {"type": "object", "required": ["x", "b"]}
    nullable["properties"] = {"x": INTEGER, "b": NULL_OR_TEXT}
    lacking: Row = {"type": "object", "required": ["x"], "properties": {"x": INTEGER, "b": TEXT}}
    both: list[tuple[Row, Row]] = [(nullable, {"x": 1, "b": None}), (lacking, {"x": 1})]
    for inner, good in both:
        outer = {"a": INTEGER, "b": TEXT, "c": inner, "d": {"type": "array", "items": inner}}
        of = contract({"type": "object", "properties": outer, "required": ["a", "c", "d"]})
        data: list[Row] = [{"a": 1, "c": good, "d": [good]}]
        data += [data[0] | {"b": ',"b":null'}, data[0] | {"d": [good, {"x": 2, "b": "y"}]}]
        wrong: Row = {"x": 1} if inner is nullable else {"x": 1, "b": None}
        data += [data[0] | {"c": wrong}, data[0] | {"d": [wrong]}, data[0] | {"b": None}, {"a": 1, "c": good}]
        events = [text(weighed(number) | {"data": value}) for number, value in enumerate(data)]
        assert sorted(fast_rows(events, of)) == [0, 1, 2]


@pytest.mark.parametrize("first", [{"a": 1}, {"a": 1, "b": "x"}, {"a": 1, "c": {"y": "z"}}])
def test_a_field_that_the_first_record_lacks_is_looked_for_where_the_contract_has_it(
    fast_rows: FastRows, first: dict[str, Any]
) -> None:
    lacking = contract(dict(fields(a=INTEGER, b=TEXT, c=OPTIONAL).schema) | {"required": ["a"]})
    values = [
        first,
        {"a": 2},
        {"a": 3, "b": "x"},
        {"a": 4, "c": {"x": 1, "y": "z"}},
        {"a": 5, "b": "", "c": {}},
    ]
    events = [text(weighed(number) | {"data": data}) for number, data in enumerate(values)]
    assert sorted(fast_rows(events, lacking)) == list(range(len(values)))


def test_texts_with_escapes_go_the_fast_way(fast_rows: FastRows) -> None:
    texts = ['a "b"', "C:\\d", "a\nb", "\t\r\b\f", "\u2028é😀", "/", "\x00"]
    nested = {"type": "array", "items": OPTIONAL}
    events = [
        weighed(number) | {"id": value, "data": {"a": value, "b": [{"y": value}]}}
        for number, value in enumerate(texts)
    ]
    records = [json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in events]
    assert sorted(fast_rows(records, fields(a=TEXT, b=nested))) == list(range(len(texts)))


@pytest.mark.parametrize(
    ("contract", "why"),
    [
        (fields(a={}), "a value whose type is open"),
        (fields(a=TEXT | {"format": "uri"}), "the keyword format"),
        (fields(a=TEXT | {"pattern": "a"}), "the keyword pattern"),
        (fields(a=TEXT | {"pattern": "^(?>a)$"}), "the keyword pattern"),
        (fields(a={"type": "array", "items": TEXT, "uniqueItems": True}), "the keyword uniqueItems"),
        (fields(a={"type": "integer", "enum": [1]}), "the keyword enum"),
        (fields(a={"type": "array", "items": TEXT, "contains": {"const": "a"}}), "the keyword contains"),
        (fields(a=INTEGER | {"maximum": 10**18}), "the bound"),
    ],
)
def test_a_contract_with_a_keyword_that_has_no_sure_test_is_unfit(contract: Contract, why: str) -> None:
    event = weighed(1) | {"data": {"a": 1}}
    with pytest.raises(Unfit, match=why):
        learn_validator(text(event), "\n", event, contract)


def test_a_line_that_is_no_json_keeps_no_other_from_the_fast_way(
    connection: duckdb.DuckDBPyConnection, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.contracts = Contracts([fields(a=INTEGER)])
    router = FastRouter(archive, connection, LATEST)
    asked: list[list[int]] = []

    def types(rows: Rows) -> list[tuple[str | None, Rows]]:
        asked.append(rows.tolist())
        return Router._types(router, rows)

    monkeypatch.setattr(router, "_types", types)
    monkeypatch.setattr(routing, "USUAL_SHARE", 0.4)
    broken = [b'{"specversion":', b"", b"\xff", b'{"a":"\\ud800"}', b"]", b"nothing"]
    for step in (1, 2, 2):
        records = [text(weighed(number) | {"data": {"a": number}}) for number in range(len(broken))]
        if step == 2:
            records = [part for pair in zip(records, broken, strict=True) for part in pair]
        places = np.arange(len(records))
        routed = router.route(chunk_of(records, places, places))
        assert sorted(routed.in_columns) == list(range(0, len(records), step))
    assert asked == [list(range(6)), *[list(range(1, 12, 2))] * 2], (
        "what was guessed is asked for its type, too"
    )


@pytest.mark.parametrize("kinds", [["a"], ["a", "ab"], ["ab", "a", "b"]])
def test_actors_of_several_kinds_go_the_fast_way(fast_rows: FastRows, kinds: list[str]) -> None:
    of = replace(fields(a=INTEGER), actor_types=tuple(kinds))
    ids = ["1", "a/1", "/", "ab/", "é", "a"]
    actors = [f"{kind}/{name}" for kind in kinds for name in ids]
    others = ["a", "a/", "/a", "abc/1", "ab", "A/1", ""]
    events = [
        weighed(number) | {"actor": actor, "data": {"a": 1}} for number, actor in enumerate(actors + others)
    ]
    assert sorted(fast_rows([text(event) for event in events], of)) == list(range(len(actors)))

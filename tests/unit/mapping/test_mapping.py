"""Mappings: what a mapping file says, what becomes of a record, and the GitHub example."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from event_archive import UnusableInput
from event_archive.decoding.record_chunk import chunk_of
from event_archive.expressions.allow_list import FUNCTIONS
from event_archive.mapping.map_records import map_chunk, map_texts
from event_archive.mapping.mapping import Mapping, load_mapping
from event_archive.registry.contract import load_contracts

ROOT = Path(__file__).parents[3]
GITHUB = ROOT / "examples" / "github"
GITHUB_HOUR = ROOT.parent / "shared" / "data" / "gharchive" / "2015-01-01-12.json.gz"
GITHUB_SAMPLE = GITHUB / "sample.ndjson"
GITHUB_RECORDS: dict[str, Callable[[], list[str]]] = {
    "sample": lambda: GITHUB_SAMPLE.read_text().splitlines(),
    "hour": lambda: gzip.decompress(GITHUB_HOUR.read_bytes()).decode().split("\n")[:-1],
}
GITHUB_COUNTS = {
    "sample": {
        **{"pushed": 1, "starred": 1, "created": 3, "commented": 1, "updated": 2, "changed": 1, "forked": 1},
        **{"deleted": 1, "edited": 1, "reviewed": 1, "annotated": 1, "published": 1, "added": 1},
        **{"publicized": 1},
    },
}
if GITHUB_HOUR.exists():  # beside the checkout: a whole hour of GitHub, too large for the repository
    GITHUB_COUNTS["hour"] = {
        **{"pushed": 4284, "starred": 994, "created": 981, "commented": 574, "updated": 367, "changed": 361},
        **{"forked": 285, "deleted": 156, "edited": 123, "reviewed": 50, "annotated": 41, "published": 30},
        **{"added": 17, "publicized": 10},
    }

Map = Callable[..., tuple[list[dict[str, Any] | None], list[str]]]

COMMON = """
choose: kind
event:
  id: id
  source: {$constant: "urn:shop"}
  time: at
  actor: {customer: who}
  object: {order: order.no}
rules:
  sale:
    type: order.placed.v1
"""
RECORD = '{"kind":"sale","id":7,"at":"2026-01-01T00:00:00Z","who":"c1","order":{"no":"o1"},"x":%s}'


def run(mapping: Mapping, records: list[str]) -> tuple[list[dict[str, Any] | None], list[str]]:
    """The events (None where there is none) and, for those that are None, the reasons."""
    with duckdb.connect(config={"enable_external_access": "false", "threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = map_texts(connection, mapping, records)
    events = [None if event is None else json.loads(event, parse_float=as_written) for event, _ in rows]
    return events, [str(reason) for event, reason in rows if event is None]


def as_written(number: str) -> float | Decimal:
    """A number of a record as Python has it, where it has it exactly."""
    return float(number) if Decimal(repr(float(number))) == Decimal(number) else Decimal(number)


def mapping_with(folder: Path, data: str) -> Mapping:
    """A mapping by a rule with this `data`."""
    path = folder / "mapping.yaml"
    path.write_text(f"{COMMON}    data: {data}\n")
    return load_mapping(path)


@pytest.fixture(name="map_with")
def map_with_data(tmp_path: Path) -> Map:
    """Maps values of `x` by a rule with this `data`."""

    def mapped(data: str, *values: str) -> tuple[list[dict[str, Any] | None], list[str]]:
        return run(mapping_with(tmp_path, data), [RECORD % value for value in values])

    return mapped


def test_an_event_has_its_envelope_and_only_what_is_there(map_with: Map) -> None:
    [event], _ = map_with("{amount: x.amount, note: x.note, currency: {$constant: EUR}}", '{"amount": 5}')
    assert event == {
        "specversion": "1.0",
        "type": "order.placed.v1",
        "verb": "placed",
        "id": "7",
        "source": "urn:shop",
        "time": "2026-01-01T00:00:00Z",
        "actor": "customer/c1",
        "object": "order/o1",
        "data": {"amount": 5, "currency": "EUR"},
    }


@pytest.mark.parametrize(
    "value",
    [
        *(
            "null",
            "true",
            "0",
            "-5",
            "1.5",
            "1e5",
            '""',
            "[]",
            "{}",
            '[1,"a",null,{"b":[]}]',
            '{"k":{"l":null}}',
        ),
        *(
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "0.30000000000000004",
        ),
        *(
            r'"\u0000\"\\\n\u2028é😀"',
            r'{"a\"b":1,"":2}',
            "1.7976931348623157e308",
            "5e-324",
            "12345678901234.5",
        ),
    ],
)
def test_a_field_is_copied_value_for_value(map_with: Map, value: str) -> None:
    [event], _ = map_with("{copy: x}", value)
    assert event
    assert event["data"]["copy"] == json.loads(value)
    assert type(event["data"]["copy"]) is type(json.loads(value))


def test_a_record_can_say_what_it_corrects_or_voids(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(f"{COMMON}    corrects: x.instead_of\n    voids: x.not\n")
    events, _ = run(load_mapping(path), [RECORD % x for x in ('{"instead_of":"a"}', '{"not":"b"}', "{}")])
    named = [
        {name: event[name] for name in ("corrects", "voids") if name in event} for event in events if event
    ]
    assert named == [{"corrects": "a"}, {"voids": "b"}, {}]


FINE_NUMBERS = [
    *("0.10000000000000001", "0.12345678901234567890", "-1.00000000000000000001", "1e-400", "1E+400"),
    *(
        "0." + "1" * 6000,
        "1e99999999999999999999",
        "5e-324000",
        "0.1000000000000000000000000000000000000000000",
    ),
]


@pytest.mark.parametrize("number", FINE_NUMBERS)
def test_a_number_that_the_engine_would_change_is_copied_as_written(tmp_path: Path, number: str) -> None:
    rules = mapping_with(tmp_path, "{copy: x, inner: {deep: x.a}, all: {$each: x.list, $as: {it: b}}}")
    for value, copied in (
        (number, {"copy": number}),
        (f'{{"a":{number}}}', {"copy": f'{{"a":{number}}}', "inner": f'{{"deep":{number}}}'}),
        (f'{{"list":[{{"b":{number}}}]}}', {"all": f'[{{"it":{number}}}]'}),
    ):
        [(event, _)] = mapped_texts(rules, RECORD % value)
        assert event
        for name, written in copied.items():
            assert f'"{name}":{written}' in event


@pytest.mark.parametrize("number", FINE_NUMBERS)
def test_an_expression_reads_a_number_as_it_was_written(tmp_path: Path, number: str) -> None:
    rules = mapping_with(tmp_path, "{text: concat(x.n), all: concat(x), half: 'left(x.n, 3)'}")
    [(event, _)] = mapped_texts(rules, RECORD % f'{{"n":{number},"s":"a \\"b\\""}}')
    assert event
    assert json.loads(event)["data"] == {
        "text": number,
        "all": f'{{"n":{number},"s":"a \\"b\\""}}',
        "half": number[:3],
    }


def test_an_exact_cast_sees_all_digits(map_with: Map) -> None:
    [event], _ = map_with("{out: 'CAST(CAST(x AS DECIMAL(38, 20)) AS VARCHAR)'}", "0.12345678901234567891")
    assert event
    assert event["data"] == {"out": "0.12345678901234567891"}


@pytest.mark.parametrize("number", FINE_NUMBERS)
def test_a_number_that_is_not_read_refuses_no_record(tmp_path: Path, number: str) -> None:
    mapping = mapping_with(tmp_path, "{copy: x.a}")
    record = RECORD % f'{{"a":1.5,"b":{number},"c":["x",{number}],"d":{"9" * 6000}}}'
    chunk = chunk_of([record.encode()], np.array([1]), np.array([0]))
    with duckdb.connect() as connection:
        (mapped,) = map_chunk(connection, chunk, mapping=mapping, places=lambda _: [(1, "")])
    assert mapped.rejected == []
    assert json.loads(mapped.events.record(0))["data"] == {"copy": 1.5}


def mapped_texts(mapping: Mapping, record: str) -> list[tuple[str | None, str | None]]:
    with duckdb.connect() as connection:
        return map_texts(connection, mapping, [record])


def test_digits_in_strings_are_no_numbers(map_with: Map) -> None:
    [event], _ = map_with("{copy: x}", r'"\": 0.12345678901234567890 \\"')
    assert event
    assert event["data"]["copy"] == '": 0.12345678901234567890 \\'


@pytest.mark.parametrize(
    ("data", "value", "expected"),
    [
        ("{out: x.a}", "{}", {}),
        ("{out: x.a}", '{"a": null}', {"out": None}),
        ("{out: {$value: x.a, $missing: null}}", "{}", {"out": None}),
        ("{out: {$value: x.a, $missing: null}}", '{"a": 1}', {"out": 1}),
        ("{out: {$value: x.a, $missing: omit}}", '{"a": null}', {}),
        ("{out: {$value: x.a, $missing: omit}}", '{"a": 0}', {"out": 0}),
        ("{out: {$value: \"lower(x.a)\", $missing: null}}", '{"a": null}', {"out": None}),
        ("{out: lower(x.a)}", '{"a": null}', {}),
        ("{out: {in: {deep: x.a}}}", "{}", {}),
        ("{out: {in: {deep: x.a}}}", '{"a": null}', {"out": {"in": {"deep": None}}}),
        ("{out: {$constant: [1, {a: null, b: 2.5}, true, '2020-01-01', 2020-01-01]}}", "0",
         {"out": [1, {"a": None, "b": 2.5}, True, "2020-01-01", "2020-01-01"]}),
        ("{out: CAST(x AS BIGINT) * 100}", "7", {"out": 700}),
        ("{out: CAST(x AS BIGINT) * 100}", '"7"', {"out": 700}),
        ("{out: 'CAST(x AS DECIMAL(18, 2)) * 100 = 150'}", "1.5", {"out": True}),
        ("{out: 'CAST(x AS DECIMAL(18, 2))'}", '"1.50"', {"out": 1.5}),
        ("{out: CAST(x AS DOUBLE)}", "null", {}),
        ("{out: CAST(x AS DOUBLE)}", '"2.5"', {"out": 2.5}),
        ("{out: CAST(x AS DATE)}", '"2026-01-31"', {"out": "2026-01-31"}),
        ("{out: CAST(x AS TIMESTAMPTZ)}", '"2026-01-01T01:00+02:00"', {"out": "2025-12-31T23:00:00.000000Z"}),
        ("{out: epoch_ms(CAST(x AS BIGINT))}", "1500", {"out": "1970-01-01T00:00:01.500000Z"}),
        ("{out: \"string_split(x, ',')\"}", '"a,b"', {"out": ["a", "b"]}),
        ("{out: x IS NULL, big: true, n: 1.50}", "null", {"out": True, "big": True, "n": 1.5}),
        ("{out: '\"x\"[2].a'}", '[0, {"a": "second"}]', {"out": "second"}),
        ('{\'o"u\': x."a/b"."~".c}', '{"a/b": {"~": {"c": 1}}}', {'o"u': 1}),
        ("{out: {$each: x, $as: {n: no, u: upper(name)}}}", '[{"no": 1, "name": "a"}, {"no": null}, 5]',
         {"out": [{"n": 1, "u": "A"}, {"n": None}, None]}),
        ("{out: {$each: x, $as: no}}", '[{"no": [1]}, {}]', {"out": [[1], None]}),
        ("{out: {$each: x, $as: {$each: in, $as: {a: b}}}}", '[{"in": [{"b": 1}, {"b": 2}]}, {"in": []}]',
         {"out": [[{"a": 1}, {"a": 2}], []]}),
        ("{out: {$each: x, $as: no}}", "[]", {"out": []}),
        ("{out: {$each: x, $as: no}}", "null", {"out": None}),
        ("{out: {$each: x, $as: no}}", '{"no": 1}', {"out": {"no": 1}}),
        ("{out: {$each: x.y, $as: no}}", "{}", {}),
        ("{}", "1", {}),
    ],
)  # fmt: skip
def test_data_says_what_is_absent_and_what_is_null(
    map_with: Map, data: str, value: str, expected: dict[str, Any]
) -> None:
    [event], _ = map_with(data, value)
    assert event
    assert event["data"] == expected


def test_a_record_that_fails_does_not_stop_the_others(map_with: Map) -> None:
    events, reasons = map_with("{ok: upper(x), n: CAST(x AS BIGINT)}", *(["1", '"one"', "2"] * 1000))
    assert [event and event["data"]["n"] for event in events] == [1, None, 2] * 1000
    assert set(reasons) == {'rule sale: data.n: "one" is not exactly a BIGINT'}


def test_an_unknown_zone_refuses_its_record_alone(map_with: Map) -> None:
    local = "{at: \"timezone(x, strptime('2026-01-31', '%Y-%m-%d'))\"}"
    events, reasons = map_with(local, '"Europe/Berlin"', '"Mars/Olympus"', '"UTC"')
    assert [event and event["data"]["at"] for event in events] == [
        *("2026-01-30T23:00:00.000000Z", None),
        "2026-01-31T00:00:00.000000Z",
    ]
    assert reasons == ['rule sale: data.at: "Mars/Olympus" is no time zone; write one such as Europe/Lisbon']


def test_the_same_cast_in_two_fields_fails_on_its_record_alone(map_with: Map) -> None:
    events, reasons = map_with("{a: CAST(x AS BIGINT), b: CAST(x AS BIGINT) + 1}", "1", "1.5", '"2"')
    assert [event and event["data"] for event in events] == [{"a": 1, "b": 2}, None, {"a": 2, "b": 3}]
    assert reasons[0].startswith('rule sale: data.a: "1.5" is not exactly a BIGINT; ')


def test_an_element_of_a_list_that_fails_is_told_with_its_field(map_with: Map) -> None:
    events, reasons = map_with("{out: {$each: x, $as: {n: CAST(no AS BIGINT)}}}", '[{"no": 1}, {"no": 1.5}]')
    assert events == [None]
    assert reasons[0].startswith(
        'rule sale: data.out[].n: "1.5" is not exactly a BIGINT; read all its decimals'
    )


def test_a_rule_is_not_chosen_by_a_rounded_number(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    chosen = "choose: CAST(kind AS BIGINT)"
    path.write_text(COMMON.replace("choose: kind", chosen).replace("  sale:", "  2:") + "    data: {}\n")
    records = [(RECORD % 0).replace('"sale"', kind) for kind in ("2", "1.5")]
    events, reasons = run(load_mapping(path), records)
    assert events[0] and events[1] is None
    assert reasons[0].startswith('choose: "1.5" is not exactly a BIGINT; ')


def test_a_number_that_json_does_not_have_fails_alone(map_with: Map) -> None:
    events, reasons = map_with("{n: CAST(x AS DOUBLE)}", '"nan"', '"inf"', "1")
    assert [event is None for event in events] == [True, True, False]
    assert reasons == [f'rule sale: data.n: "{text}" is not exactly a DOUBLE' for text in ("nan", "inf")]


def test_records_that_no_rule_takes_say_why(map_with: Map, tmp_path: Path) -> None:
    map_with("{}", "1")
    records = [
        '{"kind":"sa\'le\\"\\n"}',
        '{"kind":null}',
        "{}",
        "[]",
        "7",
        "{not json",
        "",
        '{"kind":["sale"]}',
    ]
    events, reasons = run(load_mapping(tmp_path / "mapping.yaml"), records)
    assert events == [None] * len(records)
    assert reasons[0] == 'no rule for kind "sa\'le\\"\\n"'
    assert set(reasons[1:7]) == {"nothing at kind, by which a rule is chosen"}
    assert reasons[7] == 'no rule for kind "[\\"sale\\"]"'


def test_a_missing_attribute_is_left_to_the_landing(map_with: Map, tmp_path: Path) -> None:
    map_with("{}", "1")
    [event], _ = run(load_mapping(tmp_path / "mapping.yaml"), ['{"kind":"sale","id":null}'])
    assert event == {
        **{
            "specversion": "1.0",
            "type": "order.placed.v1",
            "verb": "placed",
            "source": "urn:shop",
            "data": {},
        }
    }


BROKEN = {
    "": "the file is empty",
    "[": "line 1: not valid YAML",
    "a: 1": "line 1: a mapping has no 'a'",
    "choose: kind": "line 1: a mapping needs rules",
    COMMON.replace("kind", "now()"): "line 2: expression `now()`: function now at column 1 is not allowed",
    COMMON.replace("time: at", "tiem: at"): "line 6: event has no 'tiem'",
    COMMON.replace("  time: at\n", ""): "line 10: rule sale needs time, here or under event",
    COMMON.replace("order.placed.v1", "order placed"): "'order placed' is no event type",
    COMMON.replace(
        "{order: order.no}", "{basket: order.no}"
    ): "line 8: the object is a order, as the event type says",
    COMMON.replace("{customer: who}", "{a: b, c: d}"): "line 7: actor is written {<type>: <id>}",
    COMMON.replace("{customer: who}", "{a: concat(b, c)}"): "; within { } an id that has a comma is quoted",
    COMMON.replace("id: id", "id: lower(1)"): "line 4: expression `lower(1)`: Binder Error",
    COMMON.replace("id: id", "id:"): "line 4: here stands an expression",
    COMMON.replace("id: id", "id: id\n  id: id"): "line 5: 'id' is there twice (first on line 4)",
    COMMON + "    data: {x: a + 1}": "a field in an expression is text, CAST it",
    COMMON + "    data: [x]": "data must be a mapping",
    COMMON + "    data: {x: [a]}": "a list is written {$each",
    COMMON + "    data: {x: null}": "a constant is {$constant",
    COMMON + "    data: {x: {$each: lower(a), $as: b}}": "$each takes a field",
    COMMON + "    data: {x: {$each: a}}": "data.x needs $as",
    COMMON + "    data: {x: {$other: a}}": "data.x has no '$other'",
    COMMON + "    data: {x: {$value: a, $missing: no}}": "$missing is null or omit",
    COMMON + "    data: {x: {$constant: .nan}}": "JSON has no NaN",
    COMMON
    + "    data: {x: \"timezone('Europe/Lisboa', strptime(a, '%Y'))\"}": "'Europe/Lisboa' is no time zone",
    COMMON + "    data: {x: \"date_part('wek', strptime(a, '%Y'))\"}": "wek",
    COMMON + "    data: {x: to_days(1)}": "gives INTERVAL, which JSON does not have",
    COMMON + "    data: {x: !!python/name:os.system a}": "the YAML tag",
    COMMON + '    data: {x: "\\0"}': "NUL and lone surrogates are not allowed",
    COMMON + '    data: {"\\ud800": a}': "NUL and lone surrogates are not allowed",
    COMMON + "    data: {<<: {a: b}}": "merge keys",
    COMMON + "    data: " + "{a: " * 40 + "b" + "}" * 40: "at most 30 levels",
    COMMON + "    data: &a {x: *a}": "at most 30 levels",
    COMMON + "    data: " + "{a: " * 20000: "nested too deeply",
    "\x00": "not valid YAML",
}


@pytest.mark.parametrize(
    ("content", "reason"), BROKEN.items(), ids=[reason[:40] for reason in BROKEN.values()]
)
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(content)
    with pytest.raises(UnusableInput) as refusal:
        load_mapping(path)
    message = str(refusal.value)
    assert message.startswith(str(path))
    assert reason in message
    assert len(message.splitlines()) == 1


def test_a_yaml_bomb_ends_soon(tmp_path: Path) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text("a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12)))
    with pytest.raises(UnusableInput, match="too much for a mapping"):
        load_mapping(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"missing\.yaml: can't be read: No such file"):
        load_mapping(tmp_path / "missing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnusableInput, match=r"binary\.yaml: not valid YAML"):
        load_mapping(tmp_path / "binary.yaml")


@pytest.mark.parametrize("name", GITHUB_COUNTS)
def test_every_github_record_maps_to_its_contract(name: str) -> None:
    mapping = load_mapping(GITHUB / "mapping.yaml")
    records = GITHUB_RECORDS[name]()
    events, reasons = run(mapping, records)
    assert not reasons
    types = {rule.name: str(rule.type) for rule in mapping.rules}
    assert {json.loads(record)["type"] for record in records} == types.keys()
    expected = Counter(types[json.loads(record)["type"]].split(".")[1] for record in records)
    assert Counter(event["verb"] for event in events if event) == expected == GITHUB_COUNTS[name]
    assert_under_contracts(mapping, events)


def assert_under_contracts(mapping: Mapping, events: list[dict[str, Any] | None]) -> None:
    contracts = load_contracts(GITHUB / "contracts")
    assert set(contracts) == set(mapping.types)
    assert len({contract.verb for contract in contracts.values()}) == len(contracts) == 14
    for event in events:
        assert event
        contract = contracts[event["type"]]
        contract.validator.validate(event["data"])
        assert event["actor"].split("/")[0] in contract.actor_types
        assert event["object"].startswith(contract.object_type + "/")
        assert set(event) == {
            "specversion",
            "id",
            "source",
            "type",
            "time",
            "actor",
            "verb",
            "object",
            "data",
        }
        assert_named(event["data"], contract.schema)


def assert_named(value: Any, schema: Any) -> None:
    """Every field that the mapping gives is one that the contract names, so nothing ends up in `extra`."""
    if isinstance(value, dict):
        for name, part in value.items():
            assert_named(part, schema["properties"][name])
    elif isinstance(value, list):
        for part in value:
            assert_named(part, schema["items"])


def test_the_contracts_show_what_the_mapping_gives() -> None:
    events, _ = run(load_mapping(GITHUB / "mapping.yaml"), GITHUB_SAMPLE.read_text().splitlines())
    contracts = load_contracts(GITHUB / "contracts").values()
    examples = [dict(example) for contract in contracts for example in contract.examples]
    assert sorted(map(json.dumps, examples)) == sorted(json.dumps(event) for event in events)


def test_the_how_to_page_does_what_it_says(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to-map-foreign-records.md").read_text()
    record, *_ = re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)
    written, *_ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mapping.yaml").write_text(written)
    mapping = load_mapping(tmp_path / "mapping.yaml")
    sums = ["12.50", "free", "12.345", "0.005", "-0.01", "90071992547409.93"]
    [event, *others], reasons = run(mapping, [record.replace("12.50", amount) for amount in sums])
    assert event
    assert (event["id"], event["time"]) == ("7", "2026-01-01T09:30:00.000000Z")
    assert (event["actor"], event["object"]) == ("customer/c1", "order/7")
    items = [{"sku": "A", "count": 2}]
    assert event["data"] == {"amount_minor": 1250, "currency": "EUR", "voucher": None, "items": items}
    assert [other and other["data"]["amount_minor"] for other in others] == [
        *(None, None, None),
        *(-1, 9007199254740993),
    ]
    assert [reason.partition(";")[0] for reason in reasons] == [
        f'rule sale: data.amount_minor: "{amount}" is not exactly a DECIMAL(38,2)'
        for amount in ("free", "12.345", "0.005")
    ]
    assert f"| `{reasons[1]}` |" in page
    listed = re.findall(r"^- [a-z]+: `([^`]+)`", page, re.MULTILINE)
    assert {name for line in listed for name in line.split()} == FUNCTIONS


ROUNDED = {
    "CAST(CAST(sum AS DECIMAL(38, 2)) * 100 AS BIGINT)": ({"sum": "12.34"}, 1234),
    "CAST(round(CAST(sum AS DECIMAL(38, 10)) * 100) AS BIGINT)": ({"sum": "12.345"}, 1235),
    "CAST(round(CAST(n AS DECIMAL(38, 10)), 2) AS DECIMAL(38, 2))": ({"n": 0.285}, 0.29),
    "CAST(date_trunc('day', CAST(at AS TIMESTAMPTZ)) AS DATE)": (
        {"at": "2026-01-31T23:30:00-01:00"},
        "2026-02-01",
    ),
    "CAST(left(at, 10) AS DATE)": ({"at": "2026-01-31T23:30:00-01:00"}, "2026-01-31"),
    r"CAST(regexp_replace(at, '(\.[0-9]{6})[0-9]+', '\1') AS TIMESTAMPTZ)": (
        {"at": "2026-01-31T10:00:00.123456789Z"},
        "2026-01-31T10:00:00.123456Z",
    ),
}


def test_the_page_names_each_way_to_round(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to-map-foreign-records.md").read_text()
    table = page.partition("| you want | write |")[2].partition("\n\n")[0]
    assert [line.split(" | ")[1].split("`")[1] for line in table.splitlines()[2:]] == list(ROUNDED)
    for expression, (fields, expected) in ROUNDED.items():
        path = tmp_path / "mapping.yaml"
        path.write_text(f"{COMMON}    data: {{out: {json.dumps(expression)}}}\n")
        record = json.dumps(json.loads(RECORD % 0) | {"at": "2026-01-01T00:00:00Z"} | fields)
        [event], reasons = run(load_mapping(path), [record])
        assert event, reasons
        assert event["data"]["out"] == expected


def test_the_page_lists_each_spelling_of_true_and_false(map_with: Map) -> None:
    page = (ROOT / "docs" / "how-to-map-foreign-records.md").read_text()
    [listed] = re.findall(r"BOOLEAN reads `([^`]+)`", page)
    spelt = [*listed.split(), *listed.upper().split()]
    events, _ = map_with(
        "{out: CAST(x AS BOOLEAN)}", *(json.dumps(text) for text in [*spelt, "maybe", "2", ""])
    )
    read = [event and event["data"]["out"] for event in events]
    assert read == [True, False] * len(listed.split()) + [None, None, None]

"""Recipes of the mapping page: given a field as producers write it, expect the value, or the reason."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from support.hunting import examples
from support.mapped_values import map_values, outcomes

PAGE = Path(__file__).parents[3] / "docs" / "how-to-map-foreign-records.md"
RECIPE = re.compile(r"^\| [^`|]*`(\{.*?\})` \| `(.*?)` \| `(.*?)` \|$", re.MULTILINE)


def test_each_recipe_of_the_page_gives_what_it_says() -> None:
    written = RECIPE.findall(PAGE.read_text())
    tables = PAGE.read_text().split("| I have | I write | it gives |")[1:]
    assert len(written) == sum(len(table.partition("\n\n")[0].splitlines()) - 2 for table in tables) > 8
    for record, value, expected in written:
        entry = json.loads(value) if value.startswith("{") else value
        [(event, reason)] = map_values({"out": entry}, [record])
        assert event, (record, reason)
        assert f'"data":{{"out":{expected}}}' in event


def hash_of_the_page() -> Callable[..., str]:
    [source] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)  # what the page tells a reader to run
    hashed: Callable[..., str] = names["hash_of"]
    return hashed


DIFFERENT = [
    {"a": "x,y"},
    {"a": "x", "b": "y"},
    {"a": "x", "b": None},
    {"a": "x"},
    {"a": "x", "b": ""},
    {"a": None, "b": "x"},
    {"b": "x"},
    {"a": "", "b": "x"},
    {"a": '","', "b": ""},
    {"a": 1, "b": "x"},
    {"a": "1", "b": "x"},
    {"a": [1, 2]},
    {"a": {"k": [None, True, "é\u2028/"]}, "b": 10**30},
]


def test_an_id_by_hash_is_what_anybody_can_compute_and_differs_where_the_fields_do() -> None:
    hashed = hash_of_the_page()
    found = outcomes({"id": "hash_of(a, b)"}, [json.dumps(record) for record in DIFFERENT])
    assert found == [{"id": hashed(record, "a", "b")} for record in DIFFERENT]
    assert len({data["id"] for data in found}) == len(DIFFERENT)


HASHES = {
    ("hash_of(a)", '{"a":1.50}'): "[1.50]",
    ("hash_of(a)", '{"a": [1e3, {"b" : 0.10000000000000000001}]}'): "[[1e3,{\"b\":0.10000000000000000001}]]",
    ("hash_of(a)", '{"a":"\\u001f\\u00e9\\/"}'): '["\\u001Fé/"]',
    ("hash_of(lower(a), b)", '{"a":"X","b":null}'): '["x",null]',
    ("hash_of(lower(a), b)", '{"b":"y"}'): '[,"y"]',
    ("hash_of(CAST(a AS DECIMAL(9, 2)), a = 'x')", '{"a":"0.5"}'): "[0.50,false]",
    ("hash_of(CAST(a AS TIMESTAMPTZ))", '{"a":"2026-01-01T01:00+01:00"}'): '["2026-01-01T00:00:00.000000Z"]',
}  # fmt: skip


def test_what_is_hashed_stays_the_same_for_ever() -> None:
    for (expression, record), text in HASHES.items():
        [data] = outcomes({"id": expression}, [record])
        assert data == {"id": sha256(text.encode()).hexdigest()}, expression


def test_records_without_any_of_the_fields_share_no_id() -> None:
    assert outcomes({"id": "hash_of(a, b)"}, ["{}", '{"a":null,"b":null}', '{"c":1}']) == [{}] * 3


UNITS = {
    "seconds": Fraction(10**6),
    "millis": Fraction(1000),
    "micros": Fraction(1),
    "nanos": Fraction(1, 1000),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBERS = st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places), st.integers(-(10**19), 10**19), st.integers(0, 10)
)
COUNTED = st.one_of(NUMBERS.map(lambda number: f"{number:f}"), NUMBERS.map(lambda number: f'"{number:f}"'))
EDGES = ["1420113600.123456", '"1420113600.1234560"', "253402300799.999999", "253402300800", "-62135596800"]


@given(st.lists(COUNTED, min_size=1, max_size=100))
@example(EDGES)
@settings(max_examples=examples(3), deadline=None)
def test_a_count_since_1970_is_that_very_moment_or_refuses_its_record(counts: list[str]) -> None:
    for unit, per_unit in UNITS.items():
        found = outcomes({unit: f"timestamp_{unit}(n)"}, [f'{{"n":{count}}}' for count in counts])
        for count, outcome in zip(counts, found, strict=True):
            micros = Fraction(count.strip('"')) * per_unit
            if micros.denominator == 1 and -62135596800 * 10**6 <= micros < 253402300800 * 10**6:
                moment = EPOCH + timedelta(microseconds=int(micros))
                written = moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
                assert outcome == {unit: written}
            else:
                why = "is finer than a microsecond" if micros.denominator > 1 else f"is no time in {unit}"
                assert f" {why}" in outcome or " is no time in" in outcome
                assert json.dumps(count.strip('"'))[:40] in outcome


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("timestamp_seconds('soon')", "timestamp_seconds can't use 'soon'; correct it"),
        ("timestamp_seconds(CAST(a AS DOUBLE))", "takes a text, a whole number or a DECIMAL, and not DOUBLE"),
        ("timestamp_millis(a, b)", "timestamp_millis takes 1 value, and has 2"),
        ("timezone('UTC')", "timezone takes 2 to 3 values, and has 1"),
        ("timezone('UTC', strptime(a, '%Y'), 'first')", "is 'earlier' or 'later'"),
        ("timezone('UTC', strptime(a, '%Y'), b)", "is 'earlier' or 'later'"),
        ("timezone('UTC', a)", "takes a time, and not VARCHAR; read it: strptime("),
        ("strftime(make_timestamp(CAST(a AS BIGINT)), '%Q')", "Unrecognized format for strftime"),
        ("a LIKE b ESCAPE '!'", "a pattern with ESCAPE, and the escape, are written as constant texts"),
        ("a LIKE 'b!' ESCAPE '!'", "the pattern 'b!' ends with its ESCAPE; write it twice"),
        ("a LIKE 'b' ESCAPE '!!'", "ESCAPE takes one character, and not '!!'"),
        ("hash_of()", "hash_of takes 1 to 50 values, and has 0"),
        ("hash_of(CAST(a AS DOUBLE))", "can't use DOUBLE, which is not written the same for ever; CAST it"),
    ],
)
def test_a_call_that_can_never_be_right_is_found_when_the_file_is_read(expression: str, reason: str) -> None:
    with pytest.raises(UnusableInput, match=re.escape(reason)):
        outcomes({"out": expression}, [])


ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC"]
CHANGES = ["2026-10-25T02:30", "2026-03-29T02:30", "2026-11-01T01:30", "2026-03-08T02:30", "2026-04-05T01:45",
           "2026-10-04T02:15", "2011-12-30T12:00"]  # fmt: skip
NEAR_CHANGES = st.builds(
    lambda change, minutes: datetime.fromisoformat(change) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-1500, 1500),
)
CLOCKS = st.one_of(NEAR_CHANGES, st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1)))


def moments(clock: datetime, zone: str) -> list[datetime]:
    """The moments at which the clocks of a zone show a time, as Python has them: none, one or two."""
    both = {clock.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(
        moment for moment in both if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == clock
    )


@given(st.lists(st.tuples(CLOCKS, st.sampled_from(ZONES)), min_size=1, max_size=100))
@example([(datetime.fromisoformat(change), zone) for change in CHANGES for zone in ZONES])
@settings(max_examples=examples(5), deadline=None)
def test_a_local_time_is_its_moment_and_what_is_twice_or_never_is_asked_for(
    clocks: list[tuple[datetime, str]],
) -> None:
    records = [
        json.dumps({"at": clock.isoformat(timespec="microseconds"), "zone": zone}) for clock, zone in clocks
    ]
    read = "timezone(zone, strptime(at, '%Y-%m-%dT%H:%M:%S.%f')"
    plain = outcomes({"out": f"{read})"}, records)
    both = {"earlier": f"{read}, 'earlier')", "later": f"{read}, 'later')"}
    for (clock, zone), outcome, ruled in zip(clocks, plain, outcomes(both, records), strict=True):
        found = moments(clock, zone)
        folds = sorted(clock.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
        texts = [moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for moment in folds]
        assert ruled == {"earlier": texts[0], "later": texts[1]}
        if len(found) == 1:
            assert outcome == {"out": texts[0]}
        else:
            assert f" {'exists twice' if found else 'does not exist'} in {zone}; " in outcome


def test_a_time_that_the_engine_can_make_but_not_write_refuses_its_record_alone() -> None:
    """It ends all of the engine's work otherwise: found by calling each function with whatever there is."""
    made = {"out": "concat(make_timestamp(CAST(n AS BIGINT)), epoch_ms(n), to_timestamp(n))"}
    found = outcomes(made, [f'{{"n":{number}}}' for number in (-(2**63), -(2**63) // 1000, 0, 2**63 - 1)])
    assert [isinstance(outcome, dict) for outcome in found] == [False, False, True, False]
    assert (
        found[0] == 'data.out: "-9223372036854775808" is no time in micros since 1970, of the years 1 to 9999'
    )


def test_a_reason_shows_what_the_expression_read() -> None:
    read = "concat(strptime(at, '%d.%m.%Y'), all[1], other)"
    [reason] = outcomes({"out": read}, [json.dumps({"at": "2026\n", "all": ["x" * 99]})])
    assert reason == (
        'the expression of data.out fails on this record, where at is "2026\\n", and all[1] is '
        f'"{"x" * 60}", and other is absent or null'
    )

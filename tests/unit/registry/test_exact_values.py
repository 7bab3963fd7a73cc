"""Exact values: what goes into a column comes back as the same value, or is refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.registry.arrow_types import arrow_type
from event_archive.registry.column_types import JSON_TEXT, ColumnType, Field, ListOf, Scalar, Struct
from event_archive.registry.exact_values import (
    Inexact,
    from_column,
    json_text,
    moment_text,
    to_column,
    to_moment,
    unnamed,
    with_unnamed,
)
from support.events import same_json
from support.hunting import examples

BIGINT, DOUBLE, BOOLEAN, TEXT = (
    Scalar("BIGINT"),
    Scalar("DOUBLE"),
    Scalar("BOOLEAN"),
    Scalar("VARCHAR", text=True),
)
DATE, MOMENT, ID = Scalar("DATE", text=True), Scalar("TIMESTAMPTZ", text=True), Scalar("UUID", text=True)
MONEY, PRICE, SHARE = (
    Scalar("DECIMAL", 18, 2),
    Scalar("DECIMAL", 38, 10, text=True),
    Scalar("DECIMAL", 2, 2, text=True),
)
UUID_TEXT = "0d4b1f6e-2f0a-4c0f-9d53-3c2f6f1f9a11"
LINE = Struct(
    (
        Field("name", TEXT, required=True, nullable=False),
        Field("count", BIGINT, required=False, nullable=False),
    )
)
ORDER = Struct(
    (
        Field("id", BIGINT, required=True, nullable=False),
        Field("due", DATE, required=True, nullable=True),
        Field("lines", ListOf(LINE), required=False, nullable=False),
        Field("note", JSON_TEXT, required=False, nullable=False),
    )
)


@pytest.mark.parametrize(
    ("kind", "value", "column"),
    [
        (BIGINT, 2**63 - 1, 2**63 - 1),
        (BIGINT, -(2**63), -(2**63)),
        (BIGINT, Decimal("1e2"), 100),
        (BIGINT, Decimal("-0.0"), 0),
        (DOUBLE, Decimal("0.1"), 0.1),
        (DOUBLE, 2**53, 2.0**53),
        (DOUBLE, 2**53 + 1, 2.0**53),
        (DOUBLE, 2**60, 2.0**60),
        (DOUBLE, Decimal("0.10000000000000001"), 0.1),
        (DOUBLE, Decimal("0.12345678901234567"), 0.12345678901234567),
        (DOUBLE, Decimal("0.100000000000000000000"), 0.1),
        (DOUBLE, Decimal("0.1000000000000000055511151231257827021181583404541015625"), 0.1),
        (DOUBLE, Decimal("0e-400"), 0.0),
        (DOUBLE, Decimal("5e-324"), 5e-324),
        (DOUBLE, Decimal("1.7976931348623157e308"), 1.7976931348623157e308),
        (MONEY, Decimal("9999999999999999.99"), Decimal("9999999999999999.99")),
        (MONEY, Decimal("1.500"), Decimal("1.5")),
        (MONEY, Decimal("1e2"), Decimal(100)),
        (
            PRICE,
            "9999999999999999999999999999.9999999999",
            Decimal("9999999999999999999999999999.9999999999"),
        ),
        (PRICE, "-0.00", Decimal(0)),
        (PRICE, "1.50000000000000", Decimal("1.5")),
        (SHARE, "0", Decimal(0)),
        (SHARE, "-0.99", Decimal("-0.99")),
        (TEXT, "\0 \u2028 e\u0301 😀 \U0010ffff", "\0 \u2028 e\u0301 😀 \U0010ffff"),
        (BOOLEAN, False, False),
        (DATE, "0001-01-01", date(1, 1, 1)),
        (DATE, "9999-12-31", date(9999, 12, 31)),
        (MOMENT, "2026-01-01T01:00:00.1000000+05:30", datetime(2025, 12, 31, 19, 30, 0, 100_000, UTC)),
        (MOMENT, "2026-01-01T00:00:00.0000009Z", datetime(2026, 1, 1, tzinfo=UTC)),
        (MOMENT, "2026-01-01T00:59:59.999999999+01:00", datetime(2025, 12, 31, 23, 59, 59, 999_999, UTC)),
        (MOMENT, "1969-12-31T23:59:59.9999995Z", datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)),
        (MOMENT, f"9999-12-31T23:59:59.{'9' * 40}Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)),
        (MOMENT, "2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
        (MOMENT, "0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        (MOMENT, "9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)),
        (ID, UUID_TEXT.upper(), UUID_TEXT),
        (JSON_TEXT, {"a": [Decimal("1.10"), None, "é"]}, '{"a":[1.10,null,"é"]}'),
        (JSON_TEXT, None, "null"),
        (ListOf(BIGINT), [], []),
        (LINE, {"name": "a", "colour": "red"}, {"name": "a", "count": None}),
    ],
)
def test_a_value_becomes_a_column_value(kind: ColumnType, value: Any, column: Any) -> None:
    stored = to_column(kind, value)
    assert stored == column
    assert pa.array([stored], arrow_type(kind)).to_pylist() == [stored]


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (BIGINT, 2**63, "9223372036854775808 does not fit 64 bits"),
        (BIGINT, -(2**63) - 1, "does not fit 64 bits"),
        (BIGINT, 10**2400, "does not fit 64 bits"),
        (BIGINT, Decimal("1e4999"), r"1E\+4999 does not fit 64 bits"),
        (DOUBLE, 10**2400, "is beyond the range of a double"),
        (DOUBLE, Decimal("1e400"), "is beyond the range of a double"),
        (DOUBLE, Decimal("-1e-400"), "is beyond the range of a double"),
        (DOUBLE, Decimal("0.1000000000000000055511151231257827"), "has more than 17 digits"),
        (DOUBLE, Decimal("0.123456789012345678"), "has more than 17 digits"),
        (DOUBLE, 10**17 + 1, "has more than 17 digits"),
        (MONEY, Decimal("0.001"), r"does not fit DECIMAL\(18, 2\)"),
        (MONEY, Decimal("1e16"), r"does not fit DECIMAL\(18, 2\)"),
        (PRICE, "0.00000000001", r"does not fit DECIMAL\(38, 10\)"),
        (PRICE, "1234567890123456789012345678.12345678901", r"does not fit DECIMAL\(38, 10\)"),
        (PRICE, "99999999999999999999999999999", r"does not fit DECIMAL\(38, 10\)"),
        (Scalar("DECIMAL", 38, 30, text=True), "1.1234567890123456789012345678901", "does not fit"),
        (PRICE, "1" * 100_000, "is not a decimal number"),
        (PRICE, "1e2", "is not a decimal number"),
        (PRICE, "NaN", "is not a decimal number"),
        (PRICE, "١", "is not a decimal number"),
        (SHARE, "1", r"does not fit DECIMAL\(2, 2\)"),
        (DATE, "2026-02-30", "is not a date"),
        (DATE, "0000-01-01", "is not a date"),
        (DATE, "10000-01-01", "is not a date"),
        (DATE, "20260101", "is not a date"),
        (MOMENT, "2026-01-01T00:00:00", "not an RFC 3339 time with an offset"),
        (MOMENT, "2026-01-01 00:00:00Z", "not an RFC 3339 time"),
        (MOMENT, "2026-06-30T23:59:60Z", "not an RFC 3339 time"),
        (MOMENT, "2026-01-01T24:00:00Z", "not an RFC 3339 time"),
        (MOMENT, "2026-01-01T00:00:00+05:75", "not an RFC 3339 time"),
        (MOMENT, "2026-01-01T00:00:00+24:00", "not an RFC 3339 time"),
        (MOMENT, "2026-02-30T00:00:00Z", "no time between the years 1 and 9999"),
        (MOMENT, "0000-01-01T00:00:00Z", "no time between"),
        (MOMENT, "0001-01-01T00:00:00+00:01", "no time between"),
        (MOMENT, "9999-12-31T23:59:59-00:01", "no time between"),
        (ID, "0d4b1f6e2f0a4c0f9d533c2f6f1f9a11", "is not a UUID"),
        (ListOf(BIGINT), [1, 2**63], r"data\[1\]: "),
        (
            ORDER,
            {"id": 1, "due": None, "lines": [{"name": "a", "count": 2**64}]},
            r"data\.lines\[0\]\.count: ",
        ),
    ],
)
def test_a_value_that_a_column_can_not_hold_is_refused(kind: ColumnType, value: Any, reason: str) -> None:
    with pytest.raises(Inexact, match=reason) as error:
        to_column(kind, value)
    assert len(str(error.value)) < 200


MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), timezones=st.just(UTC))

VALUES: list[tuple[ColumnType, st.SearchStrategy[Any]]] = [
    (BIGINT, st.integers(-(2**63), 2**63 - 1)),
    (DOUBLE, st.floats(allow_nan=False, allow_infinity=False).map(lambda number: Decimal(repr(number)))),
    (BOOLEAN, st.booleans()),
    (TEXT, st.text()),
    (DATE, st.dates().map(str)),
    (MOMENT, MOMENTS.map(moment_text)),
    (ID, st.uuids().map(str)),
    (MONEY, st.integers(-(10**18) + 1, 10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2))),
    (
        PRICE,
        st.integers(-(10**38) + 1, 10**38 - 1).map(
            lambda number: plain(Decimal((number < 0, digits(number), -10)))
        ),
    ),
]


def digits(number: int) -> tuple[int, ...]:
    return tuple(map(int, str(abs(number))))


def plain(number: Decimal) -> str:
    """A decimal of any length without zeros at its end."""
    written = format(number, "f")
    return (written.rstrip("0").rstrip(".") or "0") if number else "0"


@given(st.data())
@settings(max_examples=examples(200))
def test_every_value_comes_back_from_arrow(data: st.DataObject) -> None:
    kind, values = data.draw(st.sampled_from(VALUES))
    sample = data.draw(st.lists(values, max_size=5))
    column = pa.array([to_column(ListOf(kind), sample)], pa.list_(arrow_type(kind))).to_pylist()[0]
    assert same_json(from_column(ListOf(kind), column)) == same_json(sample)


@given(st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)), MOMENTS)
@settings(max_examples=examples(100))
def test_an_offset_is_taken_into_account(offset: timedelta, moment: datetime) -> None:
    minutes = offset // timedelta(minutes=1)
    shown = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    text = moment.replace(tzinfo=None).isoformat() + shown
    try:
        expected = moment - timedelta(minutes=minutes)
    except OverflowError:
        with pytest.raises(Inexact):
            to_moment(text)
    else:
        assert to_moment(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1, "due": None},
        {"id": 1, "due": "2026-01-01", "lines": [], "note": None},
        {
            "id": 1,
            "due": None,
            "lines": [{"name": "a"}, {"name": "b", "count": 2}],
            "note": {"a": [1, Decimal("1.0")]},
        },
        {
            "id": 1,
            "due": None,
            "new": None,
            "more": {"a": {}},
            "lines": [{"name": "a"}, {"name": "b", "x": []}],
        },
    ],
)
def test_an_object_comes_back_with_what_its_type_does_not_name(value: dict[str, Any]) -> None:
    column = pa.array([to_column(ORDER, value)], arrow_type(ORDER)).to_pylist()[0]
    assert with_unnamed(from_column(ORDER, column), unnamed(ORDER, value)) == value


def test_what_a_type_does_not_name_keeps_its_place() -> None:
    value = {"id": 1, "due": None, "new": 1, "lines": [{"name": "a"}, {"name": "b", "colour": "red"}]}
    assert unnamed(ORDER, value) == {"new": 1, "lines": {"1": {"colour": "red"}}}


def test_json_text_keeps_numbers_as_they_came() -> None:
    value = {
        "big": 2**100,
        "fine": Decimal("0.10"),
        "huge": Decimal("1e400"),
        "text": 'a"\n\0é😀',
        "list": [True, None],
    }
    assert json_text(value) == (
        '{"big":1267650600228229401496703205376,"fine":0.10,"huge":1E+400,'
        '"text":"a\\"\\n\\u0000é😀","list":[true,null]}'
    )


def test_a_uuid_comes_back_as_text() -> None:
    assert from_column(ID, UUID(UUID_TEXT)) == UUID_TEXT

"""Originals: of what a column holds less, the value that came is kept, and compared as what it says."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.registry.arrow_types import arrow_type
from event_archive.registry.column_types import JSON_TEXT, ColumnType, Field, ListOf, Scalar, Struct
from event_archive.registry.exact_values import from_column, to_column, to_moment, unnamed, with_unnamed
from event_archive.registry.originals import comparable, originals, utc_text
from support.hunting import examples

DOUBLE, MOMENT = Scalar("DOUBLE"), Scalar("TIMESTAMPTZ", text=True)
MEASURED = Struct(
    (
        Field("ratio", DOUBLE, required=False, nullable=False),
        Field("at", MOMENT, required=False, nullable=False),
        Field("all", ListOf(DOUBLE), required=False, nullable=False),
        Field("inner", Struct((Field("at", MOMENT, required=False, nullable=False),)), False, False),
        Field("open", JSON_TEXT, required=False, nullable=False),
    )
)
LONG, FINE = Decimal("0.10000000000000001"), "2026-01-01T01:00:00.1234567+01:00"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({}, None),
        ({"ratio": Decimal("0.1"), "at": "2026-01-01T00:00:00.1234560000Z"}, None),
        ({"ratio": Decimal("0.100"), "all": [1, Decimal("2.50")]}, None),
        ({"open": {"ratio": LONG, "at": FINE}}, None),
        ({"ratio": LONG}, {"ratio": LONG}),
        ({"ratio": 2**53 + 1}, {"ratio": 2**53 + 1}),
        ({"ratio": 2**60}, {"ratio": 2**60}),
        ({"at": FINE}, {"at": FINE}),
        ({"all": [Decimal("0.1"), LONG]}, {"all": {"1": LONG}}),
        ({"inner": {"at": FINE}, "other": LONG}, {"inner": {"at": FINE}}),
    ],
)
def test_what_a_column_gives_back_otherwise_is_kept(value: dict[str, Any], kept: object) -> None:
    assert originals(MEASURED, value) == kept
    column = pa.array([to_column(MEASURED, value)], arrow_type(MEASURED)).to_pylist()[0]
    back = with_unnamed(with_unnamed(from_column(MEASURED, column), unnamed(MEASURED, value)), kept)
    assert comparable(MEASURED, back) == comparable(MEASURED, value)
    assert originals(MEASURED, back) == kept


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (DOUBLE, Decimal("0.1"), LONG),
        (DOUBLE, LONG, Decimal("0.1000000000000000055511151231257827021181583404541015625")),
        (DOUBLE, Decimal("0.30000000000000004"), Decimal("0.300000000000000040")),
        (DOUBLE, 2**60, Decimal("1.152921504606847e18")),
        (DOUBLE, Decimal("-0.0"), 0),
        (DOUBLE, 1, Decimal("1.0")),
        (MOMENT, FINE, "2026-01-01t00:00:00.12345670z"),
        (MOMENT, "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000Z"),
    ],
)
def test_two_spellings_of_one_value_compare_as_one(kind: ColumnType, one: Any, other: Any) -> None:
    assert comparable(kind, one) == comparable(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (DOUBLE, 2**53, 2**53 + 1),
        (DOUBLE, Decimal("0.1"), Decimal("0.10000000000000002")),
        (DOUBLE, Decimal("0.12345678901234568"), Decimal("0.12345678901234569")),
        (MOMENT, FINE, FINE.replace("67+", "68+")),
        (MOMENT, FINE, FINE.replace("67+", "6+")),
    ],
)
def test_two_values_in_one_column_value_stay_two(kind: ColumnType, one: Any, other: Any) -> None:
    assert comparable(kind, one) != comparable(kind, other)


@pytest.mark.parametrize(
    "value", [None, True, "later", [1], {"a": 1}, Decimal("1e400"), "2026-02-30T00:00:00Z"]
)
@pytest.mark.parametrize("kind", [DOUBLE, MOMENT, ListOf(MOMENT), MEASURED])
def test_what_another_revision_left_open_compares_as_it_is(kind: ColumnType, value: object) -> None:
    assert comparable(kind, value) == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
@settings(max_examples=examples(300))
def test_a_double_written_with_any_number_of_digits_is_one_value_or_another(
    double: float, digits: int
) -> None:
    written = Context(prec=digits).create_decimal(Decimal(double))
    same_double = float(written) == double
    assert (comparable(DOUBLE, written) == comparable(DOUBLE, Decimal(repr(double)))) == same_double


@given(st.datetimes(timezones=st.just(UTC)), st.text("0123456789", min_size=0, max_size=9))
@settings(max_examples=examples(200))
def test_a_time_is_truncated_and_keeps_its_digits(moment: datetime, finer: str) -> None:
    text = f"{moment:%H:%M:%S.%f}{finer}Z"
    text = f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{text}"
    assert to_moment(text) == moment
    assert to_moment(text).date() == moment.date()
    digits = f"{moment.microsecond:06d}{finer}".rstrip("0")
    second = moment.replace(microsecond=0, tzinfo=None).isoformat()
    assert utc_text(text) == (f"{second}.{digits}Z" if digits else f"{second}Z")
    assert originals(MOMENT, text) == (text if finer.rstrip("0") else None)
    assert to_moment(utc_text(text)) - moment < timedelta(microseconds=1)

"""Casts of the expression language: given a value, expect it unchanged as another type, or the reason."""

import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from event_archive import UnusableInput
from event_archive.expressions.allow_list import FUNCTIONS
from event_archive.sql_text import tried
from support.expressions import TypedRow, plain_value
from support.hunting import examples

MONEY = "CAST(CAST(text AS DECIMAL(38, 2)) * 100 AS BIGINT)"
COLUMNS: dict[str, tuple[str, Any]] = {
    "text": ("VARCHAR", None),
    "whole": ("BIGINT", None),
    "big": ("HUGEINT", None),
    "price": ("DECIMAL(18,4)", None),
    "double": ("DOUBLE", None),
    "day": ("DATE", None),
    "at": ("TIMESTAMPTZ", None),
    "flag": ("BOOLEAN", None),
    "list": ("VARCHAR[]", None),
}


@pytest.fixture(name="row", scope="module")
def row_of_each_type() -> Iterator[TypedRow]:
    row = TypedRow(COLUMNS)
    yield row
    row.close()


REFUSED = [
    (
        MONEY,
        "text",
        "12.345",
        '"12.345" is not exactly a DECIMAL(38,2); read all its decimals and round by name',
    ),
    (MONEY, "text", "0.005", '"0.005" is not exactly a DECIMAL(38,2)'),
    (MONEY, "text", "free", '"free" is not exactly a DECIMAL(38,2)'),
    (
        "CAST(CAST(text AS DECIMAL(18, 3)) * 100 AS BIGINT)",
        "text",
        "12.345",
        '"1234.500" is not exactly a BIGINT',
    ),
    (
        "CAST(CAST(text AS DOUBLE) * 100 AS BIGINT)",
        "text",
        "0.29",
        '"28.999999999999996" is not exactly a BIGINT',
    ),
    ("CAST(text AS BIGINT)", "text", "1.5", '"1.5" is not exactly a BIGINT'),
    ("CAST(text AS BIGINT)", "text", "9223372036854775808", "is not exactly a BIGINT"),
    ("CAST(text AS BIGINT)", "text", "0x1F", '"0x1F" is not exactly a BIGINT'),
    ("CAST(text AS INTEGER)", "text", "2147483648", "is not exactly an INTEGER"),
    ("CAST(text AS DOUBLE)", "text", "9007199254740993", "is not exactly a DOUBLE"),
    ("CAST(text AS DOUBLE)", "text", "0.123456789012345678", "is not exactly a DOUBLE"),
    ("CAST(text AS DOUBLE)", "text", "1e-400", "is not exactly a DOUBLE"),
    ("CAST(text AS DOUBLE)", "text", "nan", "is not exactly a DOUBLE"),
    ("CAST(text AS BOOLEAN)", "text", "2", "is not exactly a BOOLEAN"),
    ("CAST(text AS DATE)", "text", "2026-01-31T10:00:00", "is not exactly a DATE"),
    ("CAST(text AS DATE)", "text", "epoch", "is not exactly a DATE"),
    ("CAST(text AS TIMESTAMPTZ)", "text", "2026-01-31T10:00:00.1234567Z", "finer than a microsecond"),
    ("CAST(text AS UUID)", "text", "no", "is not exactly a UUID"),
    ("CAST(whole AS INTEGER)", "whole", 2**31, '"2147483648" is not exactly an INTEGER'),
    ("CAST(whole AS DOUBLE)", "whole", 2**53 + 1, "is not exactly a DOUBLE"),
    ("CAST(whole AS BOOLEAN)", "whole", 5, '"5" is not exactly a BOOLEAN; compare it'),
    ("CAST(big AS BIGINT)", "big", 2**63, "is not exactly a BIGINT"),
    ("CAST(price AS BIGINT)", "price", "1.5", '"1.5000" is not exactly a BIGINT; round by name: round(x)'),
    ("CAST(price AS DECIMAL(18, 2))", "price", "1.005", "round by name: round(x, 2) or trunc(x, 2)"),
    ("CAST(price AS BOOLEAN)", "price", "0.4", "is not exactly a BOOLEAN"),
    ("CAST(double AS BIGINT)", "double", 1.5, "round(x), trunc(x), floor(x) or ceil(x)"),
    ("CAST(double AS BIGINT)", "double", 2.0**63, "is not exactly a BIGINT"),
    ("CAST(double AS DECIMAL(18, 2))", "double", 28.999999999999996, "is not exactly a DECIMAL(18,2)"),
    ("CAST(double AS DECIMAL(18, 2))", "double", float("inf"), "is not exactly a DECIMAL(18,2)"),
    ("CAST(at AS DATE)", "at", "2026-01-31 10:00:00Z", "cut it by name: date_trunc('day', x)"),
    ("whole = price + 0.5 AND double", "double", 0.5, '"0.5" is not exactly a BOOLEAN'),
    ("CASE WHEN double THEN 1 END", "double", 0.4, "is not exactly a BOOLEAN"),
    ("coalesce(whole, double)", "whole", 2**53 + 1, "is not exactly a DOUBLE"),
    ("double = whole", "whole", 2**53 + 1, "is not exactly a DOUBLE"),
    ("CAST(coalesce(text, '1') AS BIGINT)", "text", "1.5", '"1.5" is not exactly a BIGINT'),
    ("text = 5", "text", "many", '"many" is not exactly a DECIMAL(38,18)'),
    (
        "CASE WHEN text = '' THEN CAST(price AS BIGINT) ELSE CAST(text AS BIGINT) END",
        "text",
        "x",
        '"x" is not',
    ),
]


@pytest.mark.parametrize(("text", "column", "value", "reason"), REFUSED)
def test_what_would_change_fails_and_says_why(
    row: TypedRow, text: str, column: str, value: Any, reason: str
) -> None:
    row.put(**({"price": "1.5", "double": 1, "whole": 2} | {column: value}))
    given_value, why = row.outcome(text)
    assert given_value is None
    assert why and reason in why
    with pytest.raises(duckdb.ConversionException, match=re.escape(reason).replace("'", "'+")):
        row.value(text)


KEPT = [
    (MONEY, "text", "12.34", 1234),
    (MONEY, "text", "0.29", 29),
    (MONEY, "text", "-0.01", -1),
    (MONEY, "text", " 12.50 ", 1250),
    (MONEY, "text", "1e2", 10000),
    (MONEY, "text", None, None),
    ("CAST(round(CAST(text AS DECIMAL(38, 10)) * 100) AS BIGINT)", "text", "12.345", 1235),
    ("CAST(trunc(CAST(text AS DECIMAL(38, 10)) * 100) AS BIGINT)", "text", "-12.345", -1234),
    ("CAST(floor(CAST(text AS DECIMAL(38, 10)) * 100) AS BIGINT)", "text", "-12.345", -1235),
    ("CAST(ceil(price) AS BIGINT)", "price", "1.0001", 2),
    ("round(CAST(text AS DECIMAL(38, 10)), 2)", "text", "0.005", Decimal("0.01")),
    ("CAST(round(CAST(text AS DOUBLE) * 100) AS BIGINT)", "text", "0.29", 29),
    ("TRY_CAST(text AS BIGINT)", "text", "1.5", None),
    ("coalesce(TRY_CAST(text AS BIGINT), 0)", "text", "1.5", 0),
    ("TRY_CAST(text AS DATE)", "text", "2026-01-31T10:00:00", None),
    ("CAST(text AS BIGINT)", "text", "007", 7),
    ("CAST(text AS BIGINT)", "text", "-12.000", -12),
    ("CAST(text AS BIGINT)", "text", "1500e-2", 15),
    ("CAST(text AS DOUBLE)", "text", "0.10000000000000001", 0.1),
    ("CAST(text AS DOUBLE)", "text", "0.30000000000000004", 0.1 + 0.2),
    ("CAST(text AS BOOLEAN)", "text", "yes", True),
    ("CAST(whole AS BOOLEAN)", "whole", 1, True),
    ("CAST(double AS DECIMAL(18, 2))", "double", 0.29, Decimal("0.29")),
    ("CAST(double AS BIGINT)", "double", -3.0, -3),
    ("CAST(CAST(date_trunc('day', at) AS DATE) AS VARCHAR)", "at", "2026-01-31 10:00:00Z", "2026-01-31"),
    (
        "CAST(CAST(text AS TIMESTAMPTZ) AS VARCHAR)",
        "text",
        "2026-01-31T10:00:00.1230000Z",
        "2026-01-31 10:00:00.123+00",
    ),
    ("text = 13", "text", "12.5", False),
    ("text IN (12, 13)", "text", "12.5", False),
    ("nullif(text, 13)", "text", "12.5", "12.5"),
    ("nullif(text, 12.5)", "text", "12.50", None),
    ("CASE text WHEN 13 THEN 'a' ELSE 'b' END", "text", "12.5", "b"),
    ("text = 9007199254740993", "text", "9007199254740992", False),
    ("text = TRUE", "text", "true", True),
    ("whole > 0.5", "whole", 1, True),
    ("double > 0.1", "double", 0.2, True),
    ("day = '2026-01-31'", "day", "2026-01-31", True),
    ("CASE WHEN text = '' THEN CAST(text AS BIGINT) ELSE 0 END", "text", "x", 0),
]


@pytest.mark.parametrize(("text", "column", "value", "expected"), KEPT)
def test_what_stays_the_same_is_cast_and_rounding_has_a_name(
    row: TypedRow, text: str, column: str, value: Any, expected: Any
) -> None:
    row.put(**{column: value})
    assert row.outcome(text) == (expected, None)


WRONG = [
    ("timezone('Europe/Lisboa', at)", "'Europe/Lisboa' is no time zone; correct it"),
    ("timezone('', at)", "'' is no time zone"),
    ("timezone('Z', at)", "'Z' is no time zone"),
    ("timezone(concat('Europe/', 'Lisboa'), at)", "is no time zone"),
    ("date_trunc('fortnight', at)", "date_trunc can't use 'fortnight'"),
    ("date_part('wek', at)", 'extract specifier "wek" not recognized'),
    ("date_diff('dy', at, at)", "date_diff can't use 'dy'"),
    ("regexp_matches(text, '(')", "missing ): ("),
    ("regexp_replace(text, '[', '')", "regexp_replace can't use '['"),
    ("whole = '1.5'", "'1.5' is not exactly a BIGINT; correct it"),
    ("coalesce(whole, '1.5')", "'1.5' is not exactly a BIGINT"),
    ("day > '2026-01-31T10:00:00'", "'2026-01-31T10:00:00' is not exactly a DATE"),
    ("day IN ('2026-01-31', 'soon')", "'soon' is not exactly a DATE"),
]


@pytest.mark.parametrize(("text", "reason"), WRONG)
def test_a_constant_that_can_never_be_used_is_found_when_the_file_is_read(
    row: TypedRow, text: str, reason: str
) -> None:
    with pytest.raises((UnusableInput, duckdb.Error)) as refusal:
        row.compiled(text)
    assert reason in str(refusal.value)


def many(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=40)


def plain_text(amount: Decimal, places: int) -> str:
    with localcontext(Context(prec=80)):
        return format(amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP), "f")


AMOUNTS = st.builds(
    plain_text, st.decimals(allow_nan=False, allow_infinity=False, places=4), st.integers(0, 4)
)


@given(many(AMOUNTS))
@example(
    ["0.29", "-0.005", "12.345", "12.34", "92233720368547758.07", "92233720368547758.08", "1" + "0" * 60]
)
@settings(max_examples=examples(40), deadline=None)
def test_the_money_recipe_is_right_for_every_amount(row: TypedRow, amounts: list[str]) -> None:
    for amount, (value, why) in zip(amounts, row.outcomes(MONEY, "text", amounts), strict=True):
        with localcontext(Context(prec=80)):
            minor = Decimal(amount) * 100
            fits = minor == minor.to_integral_value() and -(2**63) <= minor < 2**63
        assert value == (int(minor) if fits else None)
        assert (why is None) is fits


SPELT = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{whole}{fraction}{exponent}",
    st.sampled_from(["", "-", "+"]),
    st.one_of(st.integers(0, 10**22).map(str), st.sampled_from(["", "0", "000", "0070"])),
    st.one_of(
        st.just(""), st.integers(0, 10**12).map(lambda n: f".{n}"), st.sampled_from([".", ".000", ".500"])
    ),
    st.one_of(st.just(""), st.integers(-25, 25).map(lambda n: f"e{n}"), st.just("E+2")),
)
KINDS = ["BIGINT", "INTEGER", "HUGEINT", "DECIMAL(18, 2)", "DECIMAL(38, 10)", "DECIMAL(4, 4)"]


@given(many(SPELT), st.sampled_from(KINDS))
@settings(max_examples=examples(40), deadline=None)
def test_a_text_is_read_as_the_very_number_or_not_at_all(row: TypedRow, texts: list[str], kind: str) -> None:
    for text, (value, why) in zip(texts, row.outcomes(f"CAST(text AS {kind})", "text", texts), strict=True):
        assert why if value is None else Decimal(value) == Decimal(text)


PLAIN = SPELT.filter(lambda text: re.search("[0-9]", text) and "e" not in text.lower())


@given(many(PLAIN), st.integers(0, 4))
@settings(max_examples=examples(40), deadline=None)
def test_no_number_that_fits_is_refused(row: TypedRow, texts: list[str], scale: int) -> None:
    outcomes = row.outcomes(f"CAST(text AS DECIMAL(38, {scale}))", "text", texts)
    for text, (value, _) in zip(texts, outcomes, strict=True):
        with localcontext(Context(prec=60)):
            assert (value is not None) is (Decimal(text) == round(Decimal(text), scale))


@given(many(st.floats(allow_nan=True, allow_infinity=True)))
@example([0.1 + 0.2, 0.29, 1e22, 2.0**63, -0.0])
@settings(max_examples=examples(40), deadline=None)
def test_a_double_becomes_the_number_that_reads_back_as_it(row: TypedRow, numbers: list[float]) -> None:
    for kind in ("BIGINT", "HUGEINT", "DECIMAL(18, 2)", "DECIMAL(38, 18)"):
        outcomes = row.outcomes(f"CAST(double AS {kind})", "double", numbers)
        for number, (value, why) in zip(numbers, outcomes, strict=True):
            assert why if value is None else float(value) == number
    for number, (value, why) in zip(
        numbers, row.outcomes("CAST(text AS DOUBLE)", "text", list(map(repr, numbers))), strict=True
    ):
        assert why if value is None else value == number


ZONES = st.one_of(
    st.sampled_from(
        ["UTC", "europe/berlin", "EST", "GMT+2", "Etc/GMT+2", "CEST", "BC", "AM", "Z", "", "+02"]
    ),
    st.text(st.sampled_from("abzEGMTUC/_+-0129: ()."), max_size=8),
)


@given(many(ZONES))
@settings(max_examples=examples(30), deadline=None)
def test_an_unknown_zone_fails_on_its_row_alone(row: TypedRow, zones: list[str]) -> None:
    expression = "timezone(text, strptime('2026-01-31', '%Y-%m-%d'))"
    for zone, (value, why) in zip(zones, row.outcomes(expression, "text", zones), strict=True):
        row.put(text=zone)
        is_unknown = isinstance(plain_value(row, "timezone(text, TIMESTAMP '2026-01-31')"), type)
        assert (value is None) is is_unknown
        assert (f"{json.dumps(zone)} is no time zone; write one such as Europe/Lisbon" == why) is is_unknown


ARGUMENTS = st.sampled_from([*COLUMNS, "'%'", "'('", "''", "-1", "1e300", "'day'", "2", "NULL", "at - at"])
VALUES = st.fixed_dictionaries(
    {
        "text": st.one_of(
            st.none(), st.text(max_size=5), st.sampled_from(["(", "\\", "%Q", "day", "9999-12-31"])
        ),
        "whole": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        "price": st.sampled_from([None, "0", "-99999999999999.9999"]),
        "double": st.one_of(st.none(), st.floats()),
        "day": st.sampled_from([None, "2026-01-31", "infinity", "-infinity", "290000-01-01"]),
        "at": st.sampled_from([None, "2026-01-31 10:00:00Z", "infinity", "290000-12-31 00:00:00Z"]),
        "list": st.sampled_from([None, [], ["a", None]]),
    }
)


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(ARGUMENTS, min_size=1, max_size=4), VALUES)
@settings(max_examples=examples(300), deadline=None)
def test_no_call_stops_the_rows_beside_it(
    row: TypedRow, function: str, arguments: list[str], values: dict[str, Any]
) -> None:
    """Whatever an argument is, TRY gives a value or NULL; there are errors that it does not catch."""
    row.put(**values)
    try:
        built = row.compiled(f"{function}({', '.join(arguments)})")
    except (UnusableInput, duckdb.Error):
        return  # found when the file is read
    row.one(tried(built.value.sql("duckdb")))

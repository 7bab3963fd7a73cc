"""Originals: values as they came, where a column holds less of them.

Belongs here: which values of an event differ from what their columns give back, and when two such values are
one. Not here: what a column makes of a value (`exact_values`), and where originals are kept (`validation`).

A number that is its double rounded to so many digits, as `0.10000000000000001` is, is a spelling of that
double: the same value as `0.1`. Any other number is its own value, whatever double is the nearest.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from event_archive.registry.column_types import ColumnType, ListOf, Scalar, Struct, may_hold_less
from event_archive.registry.exact_values import (
    MOMENT,
    Inexact,
    moment_text,
    nearest_double,
    normal,
    to_moment,
)

SHORTEST_FINER = len("2026-01-01T00:00:00.1234567Z")


def originals(kind: ColumnType, value: Any) -> Any:
    """Return what of a value its column can't give back, in the same nesting; None for nothing.

    Items of lists are keyed by their index, as those that `unnamed` returns. `value` has become a column.
    """
    if value is None or not may_hold_less(kind):
        return None
    if isinstance(kind, Struct):
        parts = {
            field.name: originals(field.type, value[field.name])
            for field in kind.holding_less
            if field.name in value
        }
    elif isinstance(kind, ListOf):
        parts = {str(index): originals(kind.item, item) for index, item in enumerate(value)}
    else:
        return value if _is_less_in_column(kind, value) else None
    return {name: part for name, part in parts.items() if part is not None} or None


def _is_less_in_column(kind: Scalar, value: Any) -> bool:
    if kind.kind == "TIMESTAMPTZ":
        return is_finer(value)
    return kind.kind == "DOUBLE" and _shortest(float(value)) != value


def is_finer(text: str) -> bool:
    """Whether an RFC 3339 time says more than its microsecond."""
    match = MOMENT.fullmatch(text) if len(text) >= SHORTEST_FINER else None
    return match is not None and len((match["fraction"] or "").rstrip("0")) > 6


def comparable(kind: ColumnType, value: Any) -> Any:
    """Return a JSON value with one spelling for each moment and double; what is no such value stays."""
    if isinstance(kind, Struct) and isinstance(value, Mapping):
        types = kind.by_name
        return {
            name: comparable(types[name].type, item) if name in types else item
            for name, item in value.items()
        }
    if isinstance(kind, ListOf) and isinstance(value, list):
        return [comparable(kind.item, item) for item in value]
    if kind == Scalar("TIMESTAMPTZ", text=True) and isinstance(value, str):
        return utc_text(value)
    if kind == Scalar("DOUBLE") and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _double_or_number(value)
    return value


def utc_text(text: str) -> str:
    """Return an RFC 3339 time in UTC, with as many digits as it needs; what is no time stays."""
    try:
        moment = to_moment(text)
    except Inexact:
        return text
    match = MOMENT.fullmatch(text)
    digits = (match["fraction"] or "").rstrip("0") if match else ""
    second = moment_text(moment.replace(microsecond=0))
    return f"{second[:-1]}.{digits}Z" if digits else second


def _double_or_number(value: int | Decimal) -> Decimal:
    """Return the double that a number spells, by its shortest digits, or the number itself."""
    number = Decimal(value)
    try:
        double = nearest_double(number)
    except Inexact:
        return number
    rounded = Context(prec=len(normal(number).as_tuple().digits)).create_decimal(Decimal(double))
    return _shortest(double) if rounded == number else number


def _shortest(double: float) -> Decimal:
    return Decimal(repr(double))

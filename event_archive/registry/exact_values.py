"""Exact values: one JSON value as a column holds it, and back.

Belongs here: conversion that is exact or raises `Inexact`, but for two kinds. A DOUBLE is the nearest one to
a number of at most 17 digits, and a TIMESTAMPTZ is truncated to its microsecond: of both, what came is kept
beside the column (`originals`). Two spellings of one number, moment or UUID are one value (`1.0` and `1`,
`+02:00` and `Z`, upper and lower case). Not here: which type a column has (`column_types`) and whether the
contract allows the value (`validation`).
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from math import isinf
from typing import Any
from uuid import UUID

from event_archive.registry import text_formats
from event_archive.registry.column_types import ColumnType, ListOf, Scalar, Struct

DATE = re.compile(text_formats.DAY)
MOMENT = re.compile(text_formats.moment_pattern())
UUID_TEXT = re.compile(text_formats.UUID)
DECIMAL_TEXT = re.compile(text_formats.DECIMAL)
LARGEST_BIGINT = 2**63 - 1
MOST_DIGITS = 5000  # of any number; more is rejected before it costs anything
DOUBLE_DIGITS = 17  # tell any two doubles apart


@dataclass(frozen=True)
class WrittenNumber:
    """A number of a JSON text as it was written, of any size."""

    text: str


class Inexact(ValueError):
    """A value that the column can't hold exactly; the message says why."""


def json_text(value: Any) -> str:
    """Return a JSON value (numbers as int, Decimal or written) as JSON text, with all digits that came."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(str(key))}:{json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if isinstance(value, WrittenNumber):
        return value.text
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def to_moment(text: str) -> datetime:
    """Return the microsecond, in UTC, in which an RFC 3339 time lies; raises Inexact where it is none.

    What is finer is truncated, so that a moment keeps its second, and its day.
    """
    match = MOMENT.fullmatch(text)
    if not match:
        raise Inexact(f"{text[:60]!r} is not an RFC 3339 time with an offset that a column can hold")
    day, clock, fraction, offset = match.group("day", "clock", "fraction", "offset")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6]:0<6}{offset.upper()}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Inexact(f"{text[:60]!r} is no time between the years 1 and 9999 (UTC)") from error


def to_column(kind: ColumnType, value: Any, where: str = "data") -> Any:
    """Return a JSON value (numbers as int or Decimal) as a column holds it; raises Inexact, naming the place.

    Fields of objects that the type does not name are left to `unnamed`.
    """
    if isinstance(kind, Scalar) and kind.kind == "JSON":
        return json_text(value)
    if value is None:
        return None
    if isinstance(kind, Struct):
        return {
            field.name: to_column(field.type, value.get(field.name), f"{where}.{field.name}")
            if field.name in value
            else None
            for field in kind.fields
        }
    if isinstance(kind, ListOf):
        return [to_column(kind.item, item, f"{where}[{index}]") for index, item in enumerate(value)]
    try:
        return _exact_scalar(kind, value)
    except Inexact as error:
        raise Inexact(f"{where}: {error}") from None


def _exact_scalar(kind: Scalar, value: Any) -> Any:
    match kind.kind:
        case "BIGINT":
            return _exact_whole(value)
        case "DOUBLE":
            return nearest_double(value)
        case "DECIMAL":
            return _exact_decimal(kind, value)
        case "DATE":
            return _exact_date(value)
        case "TIMESTAMPTZ":
            return to_moment(value)
        case "UUID":
            return _exact_uuid(value)
    return value


def _exact_whole(value: Any) -> int:
    whole = int(value)
    if not -LARGEST_BIGINT - 1 <= whole <= LARGEST_BIGINT:
        raise Inexact(f"{str(value)[:60]} does not fit 64 bits")
    return whole


def nearest_double(value: int | Decimal) -> float:
    """Return the double nearest to a number; raises Inexact where it has too many digits, or none is near."""
    number = Decimal(value)
    double = float(number)  # an int beyond all doubles would raise, a Decimal is infinite
    if Decimal(repr(double)) == number:
        return double
    if isinf(double) or bool(number) > bool(double):
        raise Inexact(f"{str(value)[:60]} is beyond the range of a double")
    if len(normal(number).as_tuple().digits) > DOUBLE_DIGITS and Decimal(double) != number:
        raise Inexact(
            f"{str(value)[:60]} has more than {DOUBLE_DIGITS} digits, and is exactly no double; "
            "declare the field as a decimal and send text"
        )
    return double


def _exact_decimal(kind: Scalar, value: Any) -> Decimal:
    if kind.text and not (len(value) <= MOST_DIGITS and DECIMAL_TEXT.fullmatch(value)):
        raise Inexact(f"{value[:60]!r} is not a decimal number")
    number = Decimal(value)
    _, digits, exponent = normal(number).as_tuple()
    whole = len(digits) + int(exponent) if number else 0
    if -int(exponent) > kind.scale or whole > kind.precision - kind.scale:
        raise Inexact(f"{str(value)[:60]} does not fit {kind.sql()}")
    return number


def _exact_date(value: str) -> date:
    try:
        return date.fromisoformat(value) if DATE.fullmatch(value) else _no_date(value)
    except ValueError:
        return _no_date(value)


def _exact_uuid(value: str) -> str:
    if not UUID_TEXT.fullmatch(value):
        raise Inexact(f"{value[:60]!r} is not a UUID")
    return str(UUID(value))


def normal(number: Decimal) -> Decimal:
    """Return a number without zeros at its end; the default context would round it to 28 digits."""
    return number.normalize(Context(prec=max(len(number.as_tuple().digits), 1)))


def _no_date(value: str) -> date:
    raise Inexact(f"{value[:60]!r} is not a date between the years 1 and 9999")


def unnamed(kind: ColumnType, value: Any) -> Any:
    """Return what `value` holds beyond the fields that `kind` names, in the same nesting; None for nothing.

    Items of lists are keyed by their index: `{"lines": {"0": {"note": "…"}}}`.
    """
    if isinstance(kind, Struct) and isinstance(value, dict):
        rest: dict[str, Any] = {}
        for name, item in value.items():
            field = kind.by_name.get(name)
            more = item if field is None else unnamed(field.type, item)
            if field is None or more is not None:
                rest[name] = more
        return rest or None
    if isinstance(kind, ListOf) and isinstance(value, list):
        items = {str(index): unnamed(kind.item, item) for index, item in enumerate(value)}
        return {index: more for index, more in items.items() if more is not None} or None
    return None


def from_column(kind: ColumnType, value: Any) -> Any:
    """Return the JSON value of a column value: the inverse of `to_column`, but for `unnamed` fields."""
    if isinstance(kind, Scalar) and kind.kind == "JSON":
        return json.loads(value, parse_float=Decimal) if value is not None else None
    if value is None:
        return None
    if isinstance(kind, Struct):
        return {
            field.name: from_column(field.type, value[field.name])
            for field in kind.fields
            if value[field.name] is not None or (field.required and field.nullable)
        }
    if isinstance(kind, ListOf):
        return [from_column(kind.item, item) for item in value]
    match kind.kind:
        case "TIMESTAMPTZ":
            return moment_text(value)
        case "DATE" | "UUID":
            return str(value)
        case "DECIMAL":
            return format(normal(value), "f") if kind.text else value
        case "DOUBLE":
            return Decimal(repr(value))
    return value


def moment_text(moment: datetime) -> str:
    """Return a moment, which has a time zone, in RFC 3339 and UTC, with as many digits as it needs."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def with_unnamed(value: Any, more: Any) -> Any:
    """Return `value` with what `unnamed` took out of it put back, or what `originals` kept in its place."""
    if more is None:
        return value
    if isinstance(value, list):
        return [with_unnamed(item, more.get(str(index))) for index, item in enumerate(value)]
    if isinstance(value, dict) and isinstance(more, dict):
        rest = {
            name: with_unnamed(value[name], item) if name in value else item for name, item in more.items()
        }
        return value | rest
    return more

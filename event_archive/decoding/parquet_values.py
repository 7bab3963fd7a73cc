"""Columns of Parquet as JSON values that mean exactly the same.

Belongs here: what each type of Arrow is as JSON, nested or not, and values that JSON can't say. Not here:
reading the file (`parquet_records`).

Times are written from their integers: Python's own have neither nanoseconds nor years beyond 9999.
"""

import math
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from event_archive.decoding.event_json import exact

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
EPOCH = date(1970, 1, 1)
DAYS = range((date.min - EPOCH).days, (date.max - EPOCH).days + 1)
DAY_SECONDS = 86_400

Values = list[Any]


class NoJsonType(Exception):
    """A column is of a type that JSON does not have."""


@dataclass(frozen=True)
class Unsayable:
    """A value that JSON can't say: as text, and why it can't."""

    column: str
    text: str
    why: str


def json_values(array: pa.Array, column: str) -> Values:
    """Return the values of a column, as `orjson` writes them, or Unsayable; raises NoJsonType."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        values = (
            json_values(array.storage, column)
            if kind.extension_name != "arrow.uuid"
            else _uuids(array.storage)
        )
    elif pa.types.is_dictionary(kind):
        used = pc.unique(array.indices.drop_null())  # of a dictionary that may be far longer than the array
        words = dict(zip(used.to_pylist(), json_values(array.dictionary.take(used), column), strict=True))
        values = [words.get(index) for index in array.indices.to_pylist()]
    elif pa.types.is_struct(kind):
        values = _structs(array, column)
    elif pa.types.is_map(kind):
        values = _maps(array, column)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = _lists(array, json_values(_inside(array, array.values), column))
    elif pa.types.is_fixed_size_list(kind):
        values = json_values(array.cast(pa.large_list(kind.value_field)), column)
    else:
        values = _scalars(array, column)
    return values


def _scalars(array: pa.Array, column: str) -> Values:
    kind = array.type
    if write := _writer(kind, column):
        return [None if value is None else write(value) for value in _plain(array).to_pylist()]
    plain = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_null, pa.types.is_string)
    if any(test(kind) for test in (*plain, pa.types.is_large_string, pa.types.is_duration)):
        plain_values: Values = _plain(array).to_pylist()
        return plain_values
    raise NoJsonType(f"column {column!r} is of type {kind}, which JSON does not have")


def _plain(array: pa.Array) -> pa.Array:
    """An array of times as the integers that they are."""
    kind = array.type
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return array.view(pa.int32())
    if any(
        test(kind)
        for test in (pa.types.is_date64, pa.types.is_time64, pa.types.is_timestamp, pa.types.is_duration)
    ):
        return array.view(pa.int64())
    return array


def _writer(kind: pa.DataType, column: str) -> Callable[[Any], Any] | None:
    """Return what makes JSON of a value of this type; None where it is JSON already, or can't be."""
    writers: list[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]]] = [
        (pa.types.is_float64, lambda value: _float(value, column)),
        (pa.types.is_float32, lambda value: _float(_shortest(np.float32(value)), column)),
        (pa.types.is_float16, lambda value: _float(_shortest(np.float16(value)), column)),
        (pa.types.is_decimal, lambda value: orjson.Fragment(format(value, "f"))),
        (pa.types.is_binary, _base64),
        (pa.types.is_large_binary, _base64),
        (pa.types.is_fixed_size_binary, _base64),
        (pa.types.is_date32, lambda value: _day(value, column)),
        (pa.types.is_date64, lambda value: _day(value // (DAY_SECONDS * 1000), column)),
        (pa.types.is_time, lambda value: _time_of_day(value, kind.unit)),
        (pa.types.is_timestamp, lambda value: _moment(value, kind, column)),
    ]
    return next((write for test, write in writers if test(kind)), None)


def _float(value: float, column: str) -> Any:
    return exact(value) if math.isfinite(value) else Unsayable(column, str(value), "is no number in JSON")


def _shortest(value: np.floating[Any]) -> float:
    """The double of the fewest digits that tell a shorter float from all others."""
    return float(str(value))


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _uuids(storage: pa.Array) -> Values:
    return [None if value is None else str(UUID(bytes=value)) for value in storage.to_pylist()]


def _day(days: int, column: str) -> Any:
    if days not in DAYS:
        return Unsayable(column, f"{days} days after {EPOCH}", "lies beyond the years 1 to 9999")
    return (EPOCH + timedelta(days=days)).isoformat()


def _time_of_day(ticks: int, unit: str) -> str:
    seconds, fraction = divmod(ticks, PER_SECOND[unit])
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_fraction(fraction, unit)}"


def _moment(ticks: int, kind: pa.TimestampType, column: str) -> Any:
    days, of_day = divmod(ticks, DAY_SECONDS * PER_SECOND[kind.unit])
    day = _day(days, column)
    if isinstance(day, Unsayable):
        return day
    return f"{day}T{_time_of_day(of_day, kind.unit)}{'Z' if kind.tz else ''}"


def _fraction(fraction: int, unit: str) -> str:
    """A fraction with all digits of its unit, so that one pattern reads all; of ns at least six."""
    if unit == "ns" and fraction % 1000 == 0:
        unit, fraction = "us", fraction // 1000
    return f".{fraction:0{DIGITS[unit]}}" if DIGITS[unit] else ""


def _structs(array: pa.StructArray, column: str) -> Values:
    names = [field.name for field in array.type]
    if len({*names}) != len(names):
        raise NoJsonType(f"column {column!r} has two fields of one name")
    fields = [json_values(field, column) for field in array.flatten()]
    if not fields:
        return [{} if valid else None for valid in array.is_valid().to_pylist()]
    return [
        dict(zip(names, values, strict=True)) if valid else None
        for valid, *values in zip(array.is_valid().to_pylist(), *fields, strict=True)
    ]


def _inside(array: pa.Array, children: pa.Array) -> pa.Array:
    """The children that an array of lists or maps has, of all that lie in its buffers."""
    if not len(array):
        return children.slice(0, 0)
    first, last = array.offsets[0].as_py(), array.offsets[len(array)].as_py()
    return children.slice(first, last - first)


def _lists(array: pa.Array, children: Values) -> Values:
    """The children of each list; None where there is none."""
    if not len(array):
        return []
    offsets = array.offsets.to_pylist()
    return [
        children[start - offsets[0] : end - offsets[0]] if valid else None
        for valid, start, end in zip(array.is_valid().to_pylist(), offsets[:-1], offsets[1:], strict=True)
    ]


def _maps(array: pa.MapArray, column: str) -> Values:
    """Maps as objects; those whose keys are no texts as lists of keys and values."""
    keys = json_values(_inside(array, array.keys), column)
    items = json_values(_inside(array, array.items), column)
    pairs = _lists(array, list(zip(keys, items, strict=True)))
    key_type = array.type.key_type
    key_type = key_type.value_type if pa.types.is_dictionary(key_type) else key_type
    if pa.types.is_string(key_type) or pa.types.is_large_string(key_type):
        return [None if each is None else _object(each, column) for each in pairs]
    return [None if each is None else [{"key": key, "value": value} for key, value in each] for each in pairs]


def _object(pairs: list[tuple[str, Any]], column: str) -> Any:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    return Unsayable(column, str(pairs)[:200], "has a key twice")

"""Strict JSON: a record's bytes as one JSON object by RFC 8259, or the reason why they are none.

Belongs here: what the standard library's parser lets pass or changes: NaN, keys that stand twice, numbers
without bounds, depth, half a surrogate pair. Not here: whether the object is an event (`exact_validator`).
"""

import json
import re
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

import orjson

from event_archive.envelope import MAX_DEPTH
from event_archive.registry.exact_values import MOST_DIGITS, WrittenNumber, json_text
from event_archive.wording import json_fault


class Rejection(Exception):
    """A record is not an event: a reason to group by, and a sentence to read."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def reject(reason: str, detail: str) -> NoReturn:
    """Raise Rejection."""
    raise Rejection(reason, detail)


def parse_object(record: bytes, what: str = "the record", max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Return the JSON object that a record is, numbers as int or Decimal; raises Rejection.

    `what`: the words for a record, of which so many levels may be nested.
    """
    return _parse(record, _DECODER, what, max_depth)


def parse_written(record: bytes) -> dict[str, Any]:
    """Return the JSON object that a record is, numbers of any size as they are written; raises Rejection."""
    return _parse(record, _WRITTEN, "the record", MAX_DEPTH)


def is_surely_strict(record: bytes) -> bool:
    """Whether a record is one JSON object that `parse_written` takes, found a few times faster; or not known.

    What is written again from its value is strict JSON, and has no key twice: the value had room for one.
    Some writers have spaces after colons and commas. Taken out of a text, also where they stand in strings,
    they change nothing of how many members it has; so two texts that are then the same have as many.
    """
    try:
        value = orjson.loads(record)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(value, dict) or not _is_shallow(value, record):
        return False
    written = orjson.dumps(value)
    return written == record or (b'": ' in record and _unspaced(written) == _unspaced(record))


def _unspaced(text: bytes) -> bytes:
    return text.replace(b'": ', b'":').replace(b", ", b",")


def _is_shallow(value: dict[str, Any], record: bytes) -> bool:
    """Whether a value is not nested deeper than a record may be."""
    if record.count(b"{") + record.count(b"[") <= MAX_DEPTH:
        return True
    return _is_within(value, MAX_DEPTH - 1)


def _is_within(value: dict[str, Any] | list[Any], levels: int) -> bool:
    """Whether at most so many levels are nested in an object or a list."""
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict | list) and (levels == 0 or not _is_within(part, levels - 1)):
            return False
    return True


def _parse(record: bytes, decoder: json.JSONDecoder, what: str, max_depth: int) -> dict[str, Any]:
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError as error:
        reject("invalid_utf8", f"byte {error.start} of {what} is not UTF-8")
    if _too_deep(text, max_depth):
        reject("too_deep", f"nested deeper than {max_depth} levels")
    try:
        document = decoder.decode(text)
    except json.JSONDecodeError as error:
        reject("invalid_json", f"{json_fault(error)} at character {error.pos}")
    except (ValueError, RecursionError) as error:
        reject("invalid_json", str(error).splitlines()[0])
    if not isinstance(document, dict):
        reject("not_an_object", f"{what} is JSON, but not an object")
    if "\\u" in text:
        _reject_lone_surrogates(document)
    return document


def _too_deep(text: str, max_depth: int) -> bool:
    if text.count("{") + text.count("[") <= max_depth:
        return False
    depth = deepest = 0
    for token in re.finditer(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]', text):
        if token[0] in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "}]":
            depth -= 1
    return deepest > max_depth


def _object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        reject("duplicate_key", f"the key {twice[:60]!r} stands twice in one object")
    return members


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= MOST_DIGITS else None
    except DecimalException:
        number = None
    if number is None or abs(number.adjusted()) > MOST_DIGITS:
        reject("number_out_of_range", f"{text[:40]} is out of any range, or has too many digits")
    return number


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS // 2:
        reject("number_out_of_range", f"{text[:40]}… has {len(text)} digits")
    return int(text)


def _constant(text: str) -> NoReturn:
    reject("invalid_json", f"{text} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_pairs, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)
_WRITTEN = json.JSONDecoder(
    object_pairs_hook=_object_of_pairs,
    parse_float=WrittenNumber,
    parse_int=WrittenNumber,
    parse_constant=_constant,
)


def _reject_lone_surrogates(document: dict[str, Any]) -> None:
    """Reject lone surrogates: JSON can spell them (`\\ud800`), but no UTF-8 column can hold them."""
    try:
        json_text(document).encode()
    except UnicodeEncodeError:
        reject("lone_surrogate", "a string holds half of a surrogate pair, which is no character")

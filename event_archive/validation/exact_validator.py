"""The exact judge: one record's bytes in, an event or a refusal out.

Belongs here: strict JSON (RFC 8259), the CloudEvents envelope with actor, verb and object, the contract's
JSON Schema, and the words of every refusal. It is the truth that the fast test in `shape` may only ever be
narrower than. Not here: where records come from (`decode`) and comparing events with one another
(`duplicates`).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, DecimalException
from typing import Any, NoReturn

from event_archive.envelope import (
    ATTRIBUTE_NAME,
    ATTRIBUTE_NAMES,
    CORRECTIONS,
    JSON_MEDIA,
    MAX_DEPTH,
    SPEC_VERSION,
)
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import (
    LARGEST_BIGINT,
    MOST_DIGITS,
    Inexact,
    exact_moment,
    json_text,
    to_column,
    unnamed,
)


@dataclass(frozen=True)
class Accepted:
    """A record that is an event under `contract`; `row` has the archive's columns, UUIDs as text.

    `document`: the JSON value as it came, keys in their order.
    """

    contract: Contract
    row: dict[str, Any]
    document: dict[str, Any]


@dataclass(frozen=True)
class Rejected:
    """Why a record is not an event: a code to group by, a sentence to read, and what names it had."""

    reason: str
    detail: str
    type: str | None = None
    source: str | None = None
    event_id: str | None = None


class _Rejection(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def validate(record: bytes, contracts: Contracts, latest: datetime) -> Accepted | Rejected:
    """Judge one record. `latest`: the last moment an event may claim (now and the allowed clock skew)."""
    try:
        document = parse(record)
    except _Rejection as refusal:
        return Rejected(refusal.reason, str(refusal))
    try:
        return _event(document, contracts, latest)
    except _Rejection as refusal:
        return Rejected(
            refusal.reason, str(refusal), *(_name(document, key) for key in ("type", "source", "id"))
        )


def strict_fault(record: bytes) -> Rejected | None:
    """Why a record is not strictly one JSON object; None where it is."""
    try:
        parse(record)
    except _Rejection as refusal:
        return Rejected(refusal.reason, str(refusal))
    return None


def parse(record: bytes) -> dict[str, Any]:
    """The JSON object that a record is, numbers as int or Decimal; raises _Refusal."""
    try:
        text = record.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse("invalid_utf8", f"byte {error.start} of the record is not UTF-8")
    if _too_deep(text):
        _refuse("too_deep", f"nested deeper than {MAX_DEPTH} levels")
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        _refuse("invalid_json", f"{error.msg} at character {error.pos}")
    except (ValueError, RecursionError) as error:
        _refuse("invalid_json", str(error).splitlines()[0])
    if not isinstance(document, dict):
        _refuse("not_an_object", "the record is JSON, but not an object")
    if "\\u" in text:
        _expect_characters(document)
    return document


def _refuse(reason: str, detail: str) -> NoReturn:
    raise _Rejection(reason, detail)


def _too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    depth = deepest = 0
    for token in re.finditer(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]', text):
        if token[0] in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "}]":
            depth -= 1
    return deepest > MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _refuse("duplicate_key", f"the key {twice[:60]!r} stands twice in one object")
    return found


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= MOST_DIGITS else None
    except DecimalException:
        number = None
    if number is None or abs(number.adjusted()) > MOST_DIGITS:
        _refuse("number_out_of_range", f"{text[:40]} is out of any range, or has too many digits")
    return number


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS // 2:
        _refuse("number_out_of_range", f"{text[:40]}… has {len(text)} digits")
    return int(text)


def _constant(text: str) -> NoReturn:
    _refuse("invalid_json", f"{text} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)


def _event(document: dict[str, Any], contracts: Contracts, latest: datetime) -> Accepted:
    present = {name: value for name, value in document.items() if value is not None}
    if present.get("specversion") != SPEC_VERSION:
        _refuse("bad_envelope", f"specversion is {_shown(document.get('specversion'))}, not '1.0'")
    event_type = _text(present, "type")
    contract = contracts.get(event_type)
    if contract is None:
        _refuse("unknown_type", f"no contract for type {_shown(event_type)}")
    row: dict[str, Any] = {"event_id": _text(present, "id"), "source": _text(present, "source")}
    row["actor_type"], row["actor_id"] = _named(present, "actor")
    row["object_type"], row["object_id"] = _named(present, "object")
    row["verb"] = contract.verb
    if row["actor_type"] not in contract.actor_types:
        allowed = " or ".join(contract.actor_types)
        _refuse("bad_envelope", f"actor is of type {_shown(row['actor_type'])}, not {allowed}")
    if row["object_type"] != contract.object_type:
        _refuse(
            "bad_envelope", f"object is of type {_shown(row['object_type'])}, not {contract.object_type!r}"
        )
    if present.get("verb", contract.verb) != contract.verb:
        _refuse("bad_envelope", f"verb is {_shown(present['verb'])}, but the type says {contract.verb!r}")
    row["occurred_at"] = occurred_at = _time(present)
    if occurred_at > latest:
        _refuse("future", f"time {occurred_at.isoformat()} is later than the allowed clock skew")
    row["event_date"] = occurred_at.date()
    row["correlation_id"] = _text(present, "correlationid") if "correlationid" in present else None
    row["causation_id"] = _text(present, "causationid") if "causationid" in present else None
    row["object_version"] = _version(present)
    row |= _correction(present)
    attributes = _other_attributes(present)
    data = _data(present, contract)
    row["data"] = _exactly(lambda: to_column(contract.data_type, data))
    more = unnamed(contract.data_type, data)
    extra = ({"attributes": attributes} if attributes else {}) | ({"data": more} if more else {})
    row["extra"] = json_text(extra) if extra else None
    return Accepted(contract, row, document)


def _expect_characters(document: dict[str, Any]) -> None:
    """Refuse lone surrogates: JSON can spell them (`\\ud800`), but no UTF-8 column can hold them."""
    try:
        json_text(document).encode()
    except UnicodeEncodeError:
        _refuse("lone_surrogate", "a string holds half of a surrogate pair, which is no character")


def _name(document: dict[str, Any], key: str) -> str | None:
    """What a refused record calls itself, shortened: it may be anything."""
    value = document.get(key)
    return value[:200] if isinstance(value, str) else None


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json_text(value)
    return text if len(text) <= 80 else text[:77] + "…" + text[-1]


def _text(present: dict[str, Any], name: str) -> str:
    value = present.get(name)
    if not isinstance(value, str) or not value:
        what = "missing" if value is None else f"{_shown(value)}, not a text"
        _refuse("bad_envelope", f"{name} is {what}")
    return value


def _named(present: dict[str, Any], name: str) -> tuple[str, str]:
    kind, slash, identifier = _text(present, name).partition("/")
    if not kind or not slash or not identifier:
        _refuse("bad_envelope", f"{name} is {_shown(present[name])}, not <type>/<id>")
    return kind, identifier


def _time(present: dict[str, Any]) -> datetime:
    text = _text(present, "time")
    try:
        return exact_moment(text)
    except Inexact as error:
        _refuse("bad_envelope", f"time: {error}")


def _version(present: dict[str, Any]) -> int | None:
    version: int | None = present.get("objectversion")
    if version is None:
        return None
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= LARGEST_BIGINT:
        _refuse("bad_envelope", f"objectversion is {_shown(version)}, not 1, 2, 3 …")
    return version


def _correction(present: dict[str, Any]) -> dict[str, str | None]:
    """The earlier event of the same source that this one corrects or voids."""
    found = {name: _text(present, name) if name in present else None for name in CORRECTIONS}
    if None not in found.values():
        _refuse("bad_envelope", "corrects and voids are both given: an event does one of the two, or neither")
    for name, earlier in found.items():
        if earlier == present["id"]:
            _refuse("bad_envelope", f"{name} is {_shown(earlier)}, the event's own id, not an earlier one's")
    return found


def _other_attributes(present: dict[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in present.items() if name not in ATTRIBUTE_NAMES}
    for name, value in others.items():
        if name == "data_base64" or not ATTRIBUTE_NAME.fullmatch(name):
            _refuse("bad_envelope", f"{_shown(name)} is not an attribute of a JSON event")
        if not isinstance(value, str | bool | int):
            _refuse("bad_envelope", f"attribute {name} is {_shown(value)}, not a text, integer or boolean")
    if not JSON_MEDIA.fullmatch(str(others.get("datacontenttype", "application/json"))):
        _refuse("bad_envelope", f"datacontenttype is {_shown(others['datacontenttype'])}, not JSON")
    return others


def _data(present: dict[str, Any], contract: Contract) -> dict[str, Any]:
    data = present.get("data")
    if not isinstance(data, dict):
        what = "missing" if data is None else "not an object"
        _refuse("bad_envelope", f"data is {what}")
    for error in contract.validator.iter_errors(data):
        place = ".".join(["data", *map(str, error.instance_path)])
        message = error.message if len(error.message) <= 300 else error.message[:297] + "…"
        _refuse("contract_violation", f"{place}: {message}")
    return data


def _exactly(convert: Callable[[], Any]) -> Any:
    try:
        return convert()
    except Inexact as error:
        _refuse("inexact", str(error))

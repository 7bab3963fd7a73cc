"""The exact validator: one record's bytes in, an event or the reason why it is none out.

Belongs here: the CloudEvents envelope with actor, verb and object, the contract's JSON Schema, and the words
of every reason. It is the truth that the fast validator may only ever be narrower than. Not here: strict JSON
(`strict_json`), where records come from (`decoding`), and comparing events with one another (`deduplicate`).
"""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from event_archive.envelope import (
    ATTRIBUTE_NAME,
    ATTRIBUTE_NAMES,
    BASE64_DATA,
    CORRECTIONS,
    INTEGER_ATTRIBUTES,
    JSON_MEDIA,
    MAX_DEPTH,
    OPTIONAL_COLUMNS,
    SPEC_VERSION,
)
from event_archive.registry.contract import Contract, Contracts
from event_archive.registry.exact_values import (
    LARGEST_BIGINT,
    Inexact,
    json_text,
    to_column,
    to_moment,
    unnamed,
)
from event_archive.registry.originals import is_finer, originals
from event_archive.validation.strict_json import (
    Rejection,
    is_surely_strict,
    parse_object,
    parse_written,
    reject,
)

KNOWN_MEMBERS = ATTRIBUTE_NAMES | {BASE64_DATA}


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


def validate(record: bytes, contracts: Contracts, latest: datetime) -> Accepted | Rejected:
    """Validate one record. `latest`: the last moment an event may claim (now and the allowed clock skew)."""
    try:
        document = parse_object(record)
    except Rejection as rejection:
        return Rejected(rejection.reason, str(rejection))
    try:
        return _event(document, contracts, latest)
    except Rejection as rejection:
        return Rejected(
            rejection.reason, str(rejection), *(_name(document, key) for key in ("type", "source", "id"))
        )


def strict_fault(record: bytes) -> Rejected | None:
    """Return why a record is not strictly one JSON object; None where it is, with numbers of any size."""
    if is_surely_strict(record):
        return None
    try:
        parse_written(record)
    except Rejection as rejection:
        return Rejected(rejection.reason, str(rejection))
    return None


def _event(document: dict[str, Any], contracts: Contracts, latest: datetime) -> Accepted:
    present = {name: value for name, value in document.items() if value is not None}
    if present.get("specversion") != SPEC_VERSION:
        reject("bad_envelope", f"specversion is {_format(document.get('specversion'))}, not '1.0'")
    event_type = _text(present, "type")
    contract = contracts.get(event_type)
    if contract is None:
        reject("unknown_type", f"no contract for type {_format(event_type)}")
    row: dict[str, Any] = {"event_id": _text(present, "id"), "source": _text(present, "source")}
    row["actor_type"], row["actor_id"] = _type_and_id(present, "actor")
    row["object_type"], row["object_id"] = _type_and_id(present, "object")
    row["verb"] = contract.verb
    if row["actor_type"] not in contract.actor_types:
        allowed = " or ".join(contract.actor_types)
        reject("bad_envelope", f"actor is of type {_format(row['actor_type'])}, not {allowed}")
    if row["object_type"] != contract.object_type:
        reject(
            "bad_envelope", f"object is of type {_format(row['object_type'])}, not {contract.object_type!r}"
        )
    if present.get("verb", contract.verb) != contract.verb:
        reject("bad_envelope", f"verb is {_format(present['verb'])}, but the type says {contract.verb!r}")
    row["occurred_at"] = occurred_at = _time(present)
    if occurred_at > latest:
        reject("future", f"time {occurred_at.isoformat()} is later than the allowed clock skew")
    row["event_date"] = occurred_at.date()
    for name, column in OPTIONAL_COLUMNS.items():
        read = _count if name in INTEGER_ATTRIBUTES else _text
        row[column.name] = read(present, name) if name in present else None
    _check_correction(present)
    attributes = _other_attributes(present)
    data = _data(present, contract)
    row["data"] = _convert(lambda: to_column(contract.data_type, data))
    kept = {
        "attributes": attributes,
        "data": unnamed(contract.data_type, data),
        "original": _original(present["time"], originals(contract.data_type, data)),
    }
    extra = {name: value for name, value in kept.items() if value}
    row["extra"] = json_text(extra) if extra else None
    return Accepted(contract, row, document)


def _original(time: str, data: Any) -> dict[str, Any]:
    """Return what came where the columns hold less of it."""
    finer = {"time": time} if is_finer(time) else {}
    return finer if data is None else finer | {"data": data}


def _name(document: dict[str, Any], key: str) -> str | None:
    """Return what a rejected record calls itself, shortened: it may be anything."""
    value = document.get(key)
    return value[:200] if isinstance(value, str) else None


def _format(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json_text(value)
    return text if len(text) <= 80 else text[:77] + "…" + text[-1]


def _text(present: dict[str, Any], name: str) -> str:
    value = present.get(name)
    if not isinstance(value, str):
        what = "missing" if value is None else f"{_format(value)}, not a text"
        reject("bad_envelope", f"{name} is {what}")
    if not value:
        reject("bad_envelope", f"{name} is '', and must not be empty")
    return value


def _type_and_id(present: dict[str, Any], name: str) -> tuple[str, str]:
    kind, slash, identifier = _text(present, name).partition("/")
    if not kind or not slash or not identifier:
        reject("bad_envelope", f"{name} is {_format(present[name])}, not <type>/<id>")
    return kind, identifier


def _time(present: dict[str, Any]) -> datetime:
    text = _text(present, "time")
    try:
        return to_moment(text)
    except Inexact as error:
        reject("bad_envelope", f"time: {error}")


def _count(present: dict[str, Any], name: str) -> int:
    value: int = present[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_BIGINT:
        reject("bad_envelope", f"{name} is {_format(value)}, not 1, 2, 3 …")
    return value


def _check_correction(present: dict[str, Any]) -> None:
    """Reject an event that both corrects and voids an earlier one, or names itself as the earlier one."""
    if all(name in present for name in CORRECTIONS):
        reject("bad_envelope", "corrects and voids are both given: an event does one of the two, or neither")
    for name in CORRECTIONS:
        if present.get(name) == present["id"]:
            reject(
                "bad_envelope",
                f"{name} is {_format(present[name])}, the event's own id, not an earlier one's",
            )


def _other_attributes(present: dict[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in present.items() if name not in KNOWN_MEMBERS}
    for name, value in others.items():
        if not ATTRIBUTE_NAME.fullmatch(name):
            reject("bad_envelope", f"{_format(name)} is not an attribute of a JSON event")
        if not isinstance(value, str | bool | int):
            reject("bad_envelope", f"attribute {name} is {_format(value)}, not a text, integer or boolean")
    if not JSON_MEDIA.fullmatch(str(others.get("datacontenttype", "application/json"))):
        reject("bad_envelope", f"datacontenttype is {_format(others['datacontenttype'])}, not JSON")
    return others


def _data(present: dict[str, Any], contract: Contract) -> dict[str, Any]:
    data = present.get("data")
    if BASE64_DATA in present:
        if data is not None:
            reject("bad_envelope", f"data and {BASE64_DATA} are both given: an event has one of the two")
        data = _decoded(present[BASE64_DATA])
    if not isinstance(data, dict):
        what = "missing" if data is None else "not an object"
        reject("bad_envelope", f"data is {what}")
    for error in contract.validator.iter_errors(data):
        place = ".".join(["data", *map(str, error.instance_path)])
        message = error.message if len(error.message) <= 300 else error.message[:297] + "…"
        reject("contract_violation", f"{place}: {message}")
    return data


def _decoded(text: Any) -> dict[str, Any]:
    """Return the JSON object that `data_base64` holds, as nested as it would be inside of the event."""
    try:
        if not isinstance(text, str):
            raise ValueError
        return parse_object(b64decode(text, validate=True), "the data", MAX_DEPTH - 1)
    except Rejection as rejection:
        reject(rejection.reason, f"{BASE64_DATA}: {rejection}")
    except ValueError:
        reject("bad_envelope", f"{BASE64_DATA} is {_format(text)}, not Base64 (RFC 4648, section 4)")


def _convert(convert: Callable[[], Any]) -> Any:
    try:
        return convert()
    except Inexact as error:
        reject("inexact", str(error))

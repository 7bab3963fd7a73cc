"""Faults of a trial: where one event breaks a contract, and why, in words to group by.

Belongs here: the first fault of one JSON value under one contract. Not here: which events are tried, see
`trial`.

The words name no value of the event, or every event would be a group of its own; the value stands beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_archive.registry.contract import Contract
from event_archive.registry.exact_values import json_text

LONG = 60
ABSENT = "is required, and absent"
UNNAMED = "is not named by the contract, which allows no other field"


@dataclass(frozen=True)
class Fault:
    """Where and why one event would be rejected, and the value there; `detail` is of this event alone."""

    place: str
    reason: str
    value: Any = None
    detail: str = ""


def contract_fault(contract: Contract, data: Any) -> Fault | None:
    """The first fault of an event's data under the contract's schema; None where there is none."""
    if contract.validator.is_valid(data):
        return None
    error = next(iter(contract.validator.iter_errors(data)))
    place = "data" + "".join(f".{part}" if isinstance(part, str) else "[]" for part in error.instance_path)
    keyword = str(error.schema_path[-1]) if error.schema_path else "data"
    value = _at(data, error.instance_path)
    if keyword == "required":
        return Fault(f"{place}.{error.kind.as_dict()['property']}", ABSENT)
    if keyword == "additionalProperties" and isinstance(value, dict):
        name = str(getattr(error.kind, "unexpected", ["?"])[0])
        return Fault(f"{place}.{name[:LONG]}", UNNAMED, _shortened(value.get(name)))
    limit = _at(contract.schema, error.schema_path)
    reason = f"breaks {keyword}" if limit is None else f"breaks {keyword}: {_short(json_text(limit))}"
    return Fault(place, reason, _shortened(value), _short(error.message, 300))


def _at(value: Any, path: list[str | int]) -> Any:
    """What stands at a path; None where the path leads through a reference."""
    for part in path:
        is_there = isinstance(value, Mapping) and part in value
        if not is_there and not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            return None
        value = value[part]  # type: ignore[index,unused-ignore]
    return value


def _shortened(value: Any) -> Any:
    """A value to show: as it is where it is short, else the start of its JSON text."""
    text = json_text(value)
    return value if len(text) <= LONG else _short(text)


def _short(text: str, length: int = LONG) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"

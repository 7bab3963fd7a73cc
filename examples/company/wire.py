"""The events of the company as they go over the wire: CloudEvents JSON, one line each.

Here: the envelope, and how each service writes time. Not here: what happens (see `translations` and
`billing`), nor files and faults (see `delivery`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import orjson

from .draw import Draw

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = date(1970, 1, 1)


class Event(NamedTuple):
    """One event: when it occurred (milliseconds since 1970), what names it, and its bytes.

    `is_mending`: it is there only because of a mistake (see `mistakes`).
    """

    at: int
    service: str
    type: str
    id: str
    line: bytes
    is_mending: bool = False


def day_start(day: date) -> int:
    """Return the moment at which a UTC day starts."""
    return (day - _EPOCH).days * DAY


def day_of(moment: int) -> date:
    """Return the UTC day of a moment."""
    return _EPOCH + timedelta(days=moment // DAY)


@cache
def _day_text(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


@cache
def _second_text(second: int) -> str:
    minutes, seconds = divmod(second, 60)
    return f"T{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def utc_text(moment: int) -> str:
    """Return a moment as RFC 3339, in UTC with milliseconds."""
    return _clock_text(moment) + f".{moment % SECOND:03}Z"


def _clock_text(moment: int) -> str:
    number, rest = divmod(moment, DAY)
    return _day_text(number) + _second_text(rest // SECOND)


def service_time(service: str, moment: int) -> str:
    """Return a moment as this service writes it: each has its own habit, as services do."""
    if service == "billing":
        return _clock_text(moment) + "Z"
    if service == "reporting":
        return _clock_text(moment + HOUR) + f".{moment % SECOND:03}120+01:00"
    return utc_text(moment)


def make_event(
    draw: Draw,
    service: str,
    event_type: str,
    at: int,
    *,
    actor: str,
    object_: str,
    data: Mapping[str, Any],
    correlation: str | None = None,
    causation: str | None = None,
    version: int | None = None,
    part: str = "",
) -> Event:
    """Make an event of a service, or of a part of it that emits by itself, with an id of its own."""
    event_id = draw.uuid_at(at)
    record: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/services/{service}{part}",
        "type": event_type,
        "time": service_time(service, at),
        "actor": actor,
        "object": object_,
    }
    if correlation is not None:
        record["correlationid"] = correlation
    if causation is not None:
        record["causationid"] = causation
    if version is not None:
        record["objectversion"] = version
    record["data"] = data
    return Event(at, service, event_type, event_id, orjson.dumps(record))

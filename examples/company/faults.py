"""Damaged copies of good records, as careless producers send them; each kind is refused on landing.

Here: what one damaged record looks like. Not here: how many there are, and where (see `event_files`).
The good record is always sent as well (the producer noticed), so the company's books still add up.
"""

from collections.abc import Callable
from typing import Any

import orjson

from .draw import Draw
from .wire import Event

Record = dict[str, Any]
Recipe = tuple[str, Any]
_ABSENT = object()

# For some types: values of one field of `data` that the contract does not allow.
BAD_VALUES: dict[str, tuple[Recipe, ...]] = {
    "translation.requested.v1": (
        ("words", "97"),
        ("words", -5),
        ("language_pair", "en>xx"),
        ("document_id", 81),
        ("customer_id", _ABSENT),
        ("wanted_by", "tomorrow"),
    ),
    "translation.requested.v2": (
        ("word_count", "97"),
        ("word_count", -5),
        ("target_language", "xx"),
        ("document_id", "not-a-uuid"),
        ("customer_id", _ABSENT),
        ("wanted_by", "tomorrow"),
    ),
    "translation.machine_translated.v1": (("confidence", 1.7), ("duration_ms", 12.5), ("engine_id", None)),
    "translation.edited.v1": (("started_at", "2026-02-30T10:00:00Z"), ("words_changed", [11])),
    "translation.delivered.v1": (("price_minor", 2**64 - 1), ("currency", "BTC"), ("plan", _ABSENT)),
    "translation.rated.v1": (("score", 6), ("score", "good")),
    "translation.quality_scored.v1": (("score", "NaN"), ("metric", "vibes")),
}
# For some types: a number of `data` that may be one more or less, which makes it another event.
_CONFLICTING = {
    "translation.machine_translated.v1": "duration_ms",
    "translation.edited.v1": "words_changed",
    "translation.rated.v1": "score",
}
_UNKNOWN_TYPES = (
    "translation.archived.v1",
    "translation.requested.v9",
    "glossary.uploaded.v1",
    "translation_requested",
)
_BAD_TIMES = ("2026-02-30T10:00:00.000Z", "2026-02-03T10:00:00", "10:15", "", 1770112800)


def _edit_json(event: Event, change: Callable[[Record], object]) -> bytes:
    record: Record = orjson.loads(event.line)
    change(record)
    return orjson.dumps(record)


def _invalid_json(event: Event, draw: Draw) -> bytes:
    line = event.line
    return draw.pick(
        (
            line[:-1] + b",}",
            line.replace(b'"', b"'"),
            line.replace(b'"data":{', b'"data":{"ratio":NaN,', 1),
            line + b"}",
        )
    )


def _truncated(event: Event, draw: Draw) -> bytes:
    end = draw.whole(len(event.line) // 4, len(event.line) - 1)
    # Not within a character: that would be another kind of damage.
    while event.line[end] & 0xC0 == 0x80:
        end -= 1
    return event.line[:end]


def _invalid_utf8(event: Event, draw: Draw) -> bytes:
    mark = b'"data":{'
    return event.line.replace(
        mark, mark + b'"note":"caf' + draw.pick((b"\xe9", b"\xff\xfe", b"\xc3\x28")) + b'",', 1
    )


def _unknown_type(event: Event, draw: Draw) -> bytes:
    return _edit_json(event, lambda record: record.update(type=draw.pick(_UNKNOWN_TYPES)))


def _missing_attribute(event: Event, draw: Draw) -> bytes:
    name = draw.pick(("id", "source", "time", "actor", "object", "specversion"))
    return _edit_json(event, lambda record: record.pop(name))


def _bad_time(event: Event, draw: Draw) -> bytes:
    return _edit_json(event, lambda record: record.update(time=draw.pick(_BAD_TIMES)))


def _wrong_actor(event: Event, draw: Draw) -> bytes:
    return _edit_json(
        event, lambda record: record.update(actor=draw.pick(("robot/r2", "customer", "/cus_0001")))
    )


def _verb_disagrees(event: Event, draw: Draw) -> bytes:
    return _edit_json(event, lambda record: record.update(verb=draw.pick(("deleted", "Requested"))))


def _bad_value(event: Event, draw: Draw) -> bytes:
    field, value = draw.pick(BAD_VALUES[event.type])

    def change(record: Record) -> None:
        if value is _ABSENT:
            del record["data"][field]
        else:
            record["data"][field] = value

    return _edit_json(event, change)


def _conflict(event: Event, draw: Draw) -> bytes:
    field = _CONFLICTING[event.type]

    def change(record: Record) -> None:
        record["data"][field] += -1 if record["data"][field] > 1 else 1

    return _edit_json(event, change)


_DAMAGE: dict[str, Callable[[Event, Draw], bytes]] = {
    "invalid_json": _invalid_json,
    "truncated": _truncated,
    "invalid_utf8": _invalid_utf8,
    "unknown_type": _unknown_type,
    "missing_attribute": _missing_attribute,
    "bad_time": _bad_time,
    "wrong_actor": _wrong_actor,
    "verb_disagrees": _verb_disagrees,
    "bad_value": _bad_value,
    "conflict": _conflict,
}
KINDS = tuple(_DAMAGE)
# These would make a whole JSON array unreadable, so they are put into files of lines only.
UNREADABLE = frozenset({"invalid_json", "truncated", "invalid_utf8"})


def can_damage(kind: str, event: Event) -> bool:
    """Return whether this kind of damage can be done to this event."""
    if kind == "bad_value":
        return event.type in BAD_VALUES
    return kind != "conflict" or event.type in _CONFLICTING


def damage(kind: str, event: Event, draw: Draw) -> bytes:
    """Return a damaged copy of an event's bytes."""
    return _DAMAGE[kind](event, draw)

"""Worlds of the example company: a handful of events each, about objects of their own.

Belongs here: what an event of a world says, and which of them are in effect. Pure: nothing here touches an
archive. Not here: which worlds there are, and when their events land (`dealing`).

No row of a mart is of two worlds, so that many of them are dealt into one archive side by side, each in its
own way, and a row that is wrong names its world.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

from event_archive.registry.contract import Contract, load_contracts
from event_archive.views.corrections import CORRECTS
from support.standing import Rules, fact_of

CONTRACTS = Path(__file__).resolve().parents[2] / "event_archive" / "contracts"

# Few moments, so that events often occur at once, at the very ends of days, on both sides of a month's end.
DAYS = [date(2026, 1, 5), date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1), date(2026, 3, 1)]
TIMES = ["00:00:00Z", "12:30:00.25Z", "23:59:59.999999Z"]
MOMENTS = [f"{day}T{time}" for day in DAYS for time in TIMES]
LANGUAGES = ["de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "sv"]
PAIRS = list(permutations(LANGUAGES, 2))

# Lists of two and of three values: one number chooses from each of them, and six numbers give every pair.
VALUES: Mapping[str, Sequence[Any]] = {
    "plan": ["starter", "business", "enterprise"],
    "from_plan": ["starter", "business"],
    "to_plan": ["starter", "business", "enterprise"],
    "currency": ["EUR", "GBP"],
    "service_level": ["machine", "edited"],
    "channel": ["api", "upload", "web"],
    "reason": ["other", "too_late"],
    "metric": ["comet", "chrf"],
    "version": ["1.0", "2.0"],
    "engine_version": ["1.0", "2.0"],
    "word_count": [97, 1240, 3],
    "words": [97, 1240, 3],
    "words_changed": [0, 11],
    "duration_ms": [2140, 17, 90_000],
    "score": [0.861, 0.1, 0.333333],
    "unit_price_minor": [12, 3],
    "price_minor": [1164, 7, 0],
    "amount_minor": [1164, 500, 0],
    "total_minor": [1164, 1000, 7],
    "fee_minor": [388, 41],
    "fee_per_word_minor": [4, 5],
    "cost_per_million_words": [38.25, 0.01],
    "translation_count": [1, 2, 3],
    "reminder_number": [1, 2],
    "payment_terms_days": [14, 30, 0],
    "name": ["Lumen", "Lūmen Verlag", "a"],
    "country": ["DE", "PT"],
    "period_start": ["2026-01-01", "2026-02-01"],
    "period_end": ["2026-02-01", "2026-03-01"],
    "due_date": ["2026-02-15", "2026-01-31", "2026-03-01"],
    "wanted_by": [None, "2026-01-31T12:30:00.25Z", "2026-02-01T00:00:00Z"],
}
SPECIAL: Mapping[tuple[str, str], Sequence[Any]] = {
    ("customer.closed.v1", "reason"): ["other", "price"],
    ("customer.plan_changed.v1", "reason"): [None, "growth"],
    ("translation.cancelled.v1", "reason"): ["customer_request", "too_late"],
    ("translation.requested.v1", "channel"): ["api", "fax", "web"],
    ("translation.rated.v1", "score"): [1, 4, 5],
}

Event = dict[str, Any]
MISTYPED, ANOTHER_OBJECT = "mistyped", "another object"


@dataclass(frozen=True)
class SentEvent:
    """One event of a world, and the landings that it comes in: more than one is a repeat.

    `variant` chooses the values of its data, `version` is its object's. `mends`: which earlier event of the
    world it corrects or voids, by its place among them; it is of that one's source and object then, but that
    it may be `astray`: name an id that nobody has, or be about another object. `behind`: how many seconds
    the clock is behind that it occurred by.
    """

    type: str
    number: int
    source: str
    moment: int
    variant: int
    version: int | None
    landings: tuple[int, ...]
    mends: tuple[str, int] | None = None
    astray: str | None = None
    behind: int = 0

    @property
    def time(self) -> str:
        """When it occurred, as its source says."""
        if not self.behind:
            return MOMENTS[self.moment]
        at = datetime.fromisoformat(MOMENTS[self.moment]) - timedelta(seconds=self.behind)
        return at.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class World:
    """A handful of events about objects that no other world knows."""

    number: int
    sent: tuple[SentEvent, ...]

    @property
    def name(self) -> str:
        """What the ids of its objects begin with."""
        return f"w{self.number:03}"

    @property
    def pair(self) -> tuple[str, str]:
        """The languages that only this world translates between."""
        return PAIRS[self.number % len(PAIRS)]

    def original(self, sent: SentEvent) -> SentEvent:
        """The event at the start of a chain of corrections."""
        while sent.mends is not None:
            sent = self.sent[sent.mends[1]]
        return sent

    def event(self, place: int) -> Event:
        """The event at this place, as it goes over the wire; one that mends is of its original's object."""
        sent = self.sent[place]
        agreed, original = contract(sent.type), self.original(sent)
        kind = agreed.object_type
        event: Event = {
            "specversion": "1.0",
            "id": self.id(place),
            "source": f"/services/{original.source}",
            "type": sent.type,
            "time": sent.time,
            "actor": f"{agreed.actor_types[0]}/somebody",
            "object": f"{kind}/{self.name}_{kind}_{original.number + (sent.astray == ANOTHER_OBJECT)}",
            "data": self.data(sent),
        }
        if sent.version is not None:
            event["objectversion"] = sent.version
        if sent.mends is not None:
            mends, target = sent.mends
            event[mends] = self.id(target) + ("-mistyped" if sent.astray == MISTYPED else "")
        return event

    def id(self, place: int) -> str:
        """The id of the event at this place."""
        return f"{self.name}-{place}"

    def in_effect(self) -> Iterator[Event]:
        """The events in effect after all corrections, as if they had been right from the start."""
        events = {self.id(place): self.event(place) for place in range(len(self.sent))}
        for fact, place in Rules([fact_of(event) for event in events.values()]).standing():
            event = events[fact.event_id] | {"time": events[place.event_id]["time"]}
            event.pop(CORRECTS, None)
            yield event

    def data(self, sent: SentEvent) -> dict[str, Any]:
        """The data of an event: its contract's example, with this world's objects and the values chosen."""
        example: Mapping[str, Any] = contract(sent.type).examples[0]["data"]
        return {name: self.value(sent, name, example[name]) for name in example}

    def value(self, sent: SentEvent, name: str, example: Any) -> Any:
        """The value of one field of an event's data."""
        source, target = self.pair
        if name.endswith("_id") and (kind := name.removesuffix("_id")) in KINDS:
            return f"{self.name}_{kind}_{sent.variant % 2}"
        if name == "language_pair":
            return f"{source}>{target}"
        if name in ("source_language", "target_language"):
            return source if name == "source_language" else target
        if name == "lines":
            return [self.line(sent, number, example[0]) for number in range(1, sent.variant % 3 + 2)]
        values = SPECIAL.get((sent.type, name)) or VALUES.get(name) or [example]
        return values[sent.variant % len(values)]

    def line(self, sent: SentEvent, number: int, example: Mapping[str, Any]) -> dict[str, Any]:
        """One line of an invoice."""
        other = replace(sent, variant=sent.variant + number)
        return {name: self.value(other, name, example[name]) for name in example} | {"line_number": number}

    def without(self, places: Iterable[int]) -> "World":
        """The world without some events, and without what mends these."""
        left_out = set(places)
        for place, sent in enumerate(self.sent):
            if sent.mends is not None and sent.mends[1] in left_out:
                left_out.add(place)
        remaining = [place for place in range(len(self.sent)) if place not in left_out]
        moved = {place: now for now, place in enumerate(remaining)}
        return replace(self, sent=tuple(moved_to(self.sent[place], moved) for place in remaining))

    def __str__(self) -> str:
        return "\n".join(
            f"landings {sent.landings}: {json.dumps(self.event(place), ensure_ascii=False)}"
            for place, sent in enumerate(self.sent)
        )


def moved_to(sent: SentEvent, moved: Mapping[int, int]) -> SentEvent:
    """An event whose world's events have got other places."""
    if sent.mends is None:
        return sent
    kind, target = sent.mends
    return replace(sent, mends=(kind, moved[target]))


def owners_of(row: Sequence[Any]) -> Iterator[int]:
    """The numbers of the worlds that a row names, by an object or by its languages."""
    for value in row:
        if isinstance(value, str):
            yield from (int(number) for number in re.findall(r"\bw(\d{3})[_-]", value))
    for pair in pairwise(row):
        if pair in PAIRS:
            yield PAIRS.index(pair)


@cache
def contracts() -> Mapping[str, Contract]:
    """The contracts of the example company."""
    return load_contracts(CONTRACTS)


def contract(event_type: str) -> Contract:
    """One of them."""
    return contracts()[event_type]


def event_types() -> dict[str, list[str]]:
    """The event types by the kind of object that they are about: all contracts, so a new one is dealt too."""
    kinds: dict[str, list[str]] = {}
    for name, released in contracts().items():
        kinds.setdefault(released.object_type, []).append(name)
    return kinds


KINDS = event_types()

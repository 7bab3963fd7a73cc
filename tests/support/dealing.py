"""How the events of worlds are dealt into landings, and what is done in between; all of it drawn from a seed.

Belongs here: a deal, and drawing one. Pure: nothing here touches an archive or a warehouse. Not here: what an
event says (`worlds`), playing a deal (`workshop`), and what has to hold (`pipeline/test_confluence.py`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from event_archive.views.corrections import CORRECTS, VOIDS
from orchestration.warehouse.requests import Days
from support.worlds import (
    ANOTHER_OBJECT,
    DAYS,
    KINDS,
    MISTYPED,
    MOMENTS,
    Event,
    SentEvent,
    World,
    contract,
    owners_of,
)

LANDINGS = 4
MAX_EVENTS = 8

# What may be replayed: those days, days between them on which nothing is, and the months around.
REPLAYED = [
    *(Days(day, day + timedelta(days=1)) for day in DAYS),
    Days(date(2026, 1, 10), date(2026, 1, 20)),
    Days(date(2026, 1, 1), date(2026, 2, 1)),
    Days(date(2026, 1, 31), date(2026, 4, 1)),
]
# What most models are about is dealt more often.
WEIGHED_KINDS = [*KINDS, *["translation", "invoice", "customer"] * 3]


@dataclass(frozen=True)
class Step:
    """What happens after a landing: days to replay are asked for, and a refresh or a build of some models."""

    replayed: tuple[Days, ...] = ()
    built: str = "everything"


# In seconds; within five minutes clocks agree.
CLOCKS_BEHIND = [0, 0, 0, 60, 300, 301]
NOTHING, EVERYTHING, SOME = "nothing", "everything", "some models"
BUILT = [*[EVERYTHING] * 6, SOME, NOTHING]


@dataclass(frozen=True)
class Deal:
    """Some worlds, dealt into landings; `steps`: one after each landing; `seed` shuffles the lines."""

    worlds: tuple[World, ...]
    steps: tuple[Step, ...]
    seed: int

    def landing(self, number: int) -> list[str]:
        """The lines that land together."""
        lines = [
            json.dumps(world.event(place))
            for world in self.worlds
            for place, sent in enumerate(world.sent)
            for landing in sent.landings
            if landing == number
        ]
        return Random(self.seed + number).sample(lines, len(lines))

    def in_order(self) -> list[str]:
        """All lines once, in the order of their time: how the events would land in a perfect world."""
        return in_order(world.event(place) for world in self.worlds for place in range(len(world.sent)))

    def without_mistakes(self) -> list[str]:
        """How the events would land without mistakes: what is in effect, each at its place in time."""
        return in_order(event for world in self.worlds for event in world.in_effect())

    def owners(self, rows: Iterable[Sequence[Any]]) -> set[int]:
        """The worlds that rows of marts are of."""
        known = {world.number for world in self.worlds}
        return known & {owner for row in rows for owner in owners_of(row)}


def in_order(events: Iterable[Event]) -> list[str]:
    """Events as lines, in the order of their time."""
    return [json.dumps(event) for event in sorted(events, key=lambda event: (event["time"], event["id"]))]


def deal(seed: int, count: int) -> Deal:
    """Draw some worlds, and what they go through; the last step is a refresh, so that all is read."""
    chance = Random(seed)
    dealt = tuple(world(chance, number) for number in range(count))
    built = [*(chance.choice(BUILT) for _ in range(LANDINGS - 1)), EVERYTHING]
    return Deal(dealt, tuple(Step(days(chance), models) for models in built), seed)


def days(chance: Random) -> tuple[Days, ...]:
    """Draw days to replay, in any order, mostly some."""
    return tuple(chance.sample(REPLAYED, chance.randint(0, 3)))


def world(chance: Random, number: int) -> World:
    """Draw a world of a few types and moments, so that several events are about the same at the same time."""
    kinds = chance.choices(WEIGHED_KINDS, k=2)
    types = chance.choices([name for kind in kinds for name in KINDS[kind]], k=chance.randint(1, 5))
    moments = chance.choices(range(len(MOMENTS)), k=chance.randint(1, 5))
    events: list[SentEvent] = []
    for _ in range(chance.randint(1, MAX_EVENTS)):
        event = sent_event(chance, types, moments)
        mends = events and chance.random() < 0.4
        events.append(mending(chance, events, event) if mends else event)
    return World(number, tuple(events))


def sent_event(chance: Random, types: Sequence[str], moments: Sequence[int]) -> SentEvent:
    """Draw an event; one in three is repeated, perhaps in the same landing."""
    return SentEvent(
        type=chance.choice(types),
        number=chance.choice([0, 0, 1]),
        source=chance.choice(["core", "core", "billing"]),
        moment=chance.choice(moments),
        variant=chance.randrange(6),
        version=chance.choice([None, 1, 2]),
        landings=tuple(chance.randrange(LANDINGS) for _ in range(chance.choice([1, 1, 2]))),
    )


def mending(chance: Random, before: Sequence[SentEvent], event: SentEvent) -> SentEvent:
    """Make an event correct or void one of those before it, which may mend another one itself.

    Mostly it occurs later than what it names, at once, or by a clock that is behind; where it occurs before,
    it has no effect. Nor has it where it goes astray, or names what does.
    """
    place = chance.randrange(len(before))
    target = before[place]
    moment = max(event.moment, target.moment) if chance.random() < 0.9 else event.moment
    astray = chance.choice([*[None] * 8, MISTYPED, ANOTHER_OBJECT])
    behind = chance.choice(CLOCKS_BEHIND)
    if chance.random() < 0.5:
        event, mends = replace(target, landings=event.landings), VOIDS
    else:
        types = [target.type] * 4 + KINDS[contract(target.type).object_type]
        event, mends = replace(event, type=chance.choice(types)), CORRECTS
    return replace(event, moment=moment, mends=(mends, place), astray=astray, behind=behind)

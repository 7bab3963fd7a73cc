"""Corrections: which events stand, where later ones correct or void earlier ones.

Belongs here: deciding what follows from events that carry `corrects` or `voids` and from those they name.
Not here: finding them (`correction_tables`), taking an event in (`exact_validator`), and leaving out what
does not stand (the staging models of dbt do that, and `scan`).

A correction names an event of its own source, about its own object, that did not occur after it:
- `corrects`: the event stands in the place of the one it names, at that one's time, until the next does.
- `voids`: nothing stands in that place any more; where it names a correction, it takes that correction back.
  A voiding event says nothing else, so it never stands itself.
One that names nothing such has no effect and is `unmatched`: what it names may still land.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from event_archive.envelope import CORRECTIONS

CORRECTS, VOIDS = CORRECTIONS
IN_EFFECT, SUPERSEDED, TAKEN_BACK, UNMATCHED = "in_effect", "superseded", "taken_back", "unmatched"
Name = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True)
class Fact:
    """What deciding needs to know of an event; `names`: what it corrects or voids, and which of the two."""

    source: str
    event_id: str
    object_type: str
    object_id: str
    occurred_at: datetime
    event_date: date
    sequence: int
    kind: str | None = None
    names: str | None = None

    @property
    def name(self) -> Name:
        """What names it."""
        return self.source, self.event_id

    @property
    def order(self) -> tuple[datetime, str]:
        """By time; where two are of one instant, by id: the same whenever they landed."""
        return self.occurred_at, self.event_id


@dataclass
class Standing:
    """What follows from all corrections: the status and place of each, and the events that do not stand.

    `replaced`: for a correction that has or had an effect, what stood in its place until then, if anything.
    """

    statuses: dict[Name, str] = field(default_factory=dict)
    places: dict[Name, Fact] = field(default_factory=dict)
    replaced: dict[Name, Name | None] = field(default_factory=dict)
    removed: set[Name] = field(default_factory=set)


def decide(corrections: Iterable[Fact], targets: Iterable[Fact]) -> Standing:
    """Decide which events stand; the order of the arguments does not matter."""
    known = {fact.name: fact for fact in [*targets, *corrections]}
    in_order = sorted((fact for fact in known.values() if fact.kind), key=lambda fact: fact.order)
    meant = {fact.name: target for fact in in_order if (target := named_event(fact, known))}
    result = Standing()
    taken_back: set[Name] = set()
    for fact in reversed(in_order):  # what takes a correction back is later, so it is decided by now
        if fact.kind == VOIDS and fact.name in meant and fact.name not in taken_back:
            taken_back.add(meant[fact.name].name)
    taken_back &= set(meant)
    standing: dict[Name, Name | None] = {}
    for fact in in_order:
        result.statuses[fact.name] = IN_EFFECT if fact.name in meant else UNMATCHED
        if fact.name not in meant:
            continue
        place = result.places[fact.name] = _place(fact, meant)
        result.removed |= {place.name, fact.name}
        if fact.name in taken_back:
            result.statuses[fact.name] = TAKEN_BACK
        elif fact.kind == CORRECTS or meant[fact.name] == place:
            result.replaced[fact.name] = standing.get(place.name, place.name)
            standing[place.name] = fact.name if fact.kind == CORRECTS else None
    for fact in result.places.values():
        standing.setdefault(fact.name, fact.name)
    result.removed -= {name for name in standing.values() if name}
    for fact in in_order:
        if fact.kind == CORRECTS and result.statuses[fact.name] == IN_EFFECT and fact.name in result.removed:
            result.statuses[fact.name] = SUPERSEDED
    return result


def named_event(fact: Fact, known: Mapping[Name, Fact]) -> Fact | None:
    """The event that a correction names, where it may name it."""
    target = known.get((fact.source, fact.names or ""))
    if target is None or (target.object_type, target.object_id) != (fact.object_type, fact.object_id):
        return None
    # Two corrections of one instant must not name each other: which of them counts would depend on nothing.
    earlier = target.order < fact.order if target.kind else target.occurred_at <= fact.occurred_at
    return target if earlier else None


def _place(fact: Fact, meant: dict[Name, Fact]) -> Fact:
    """The event at the start of a chain of corrections: all of the chain is about that one's place."""
    while (target := meant.get(fact.name)) is not None:
        fact = target
    return fact

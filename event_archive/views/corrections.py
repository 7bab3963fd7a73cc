"""Corrections: which events are in effect, where later ones correct or void earlier ones.

Belongs here: deciding what follows from the events that correct or void, over one cut of the log. Not here:
accepting such an event (`validation`), reading them and making tables of the decision (`correction_tables`),
and leaving out what is not in effect (the staging models of dbt do that, by those tables).

A correction names an event of its own source, about its own object, that did not occur after it:
- `corrects`: the event takes the place of the one it names, at that one's time, until the next does.
- `voids`: nothing is in that place any more; where it names a correction, it takes that correction back.
  A voiding event says nothing else, so it is never in effect itself.
A correction that names no such event has no effect and is `unmatched`: what it names may still land.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from event_archive.envelope import CORRECTIONS

CORRECTS, VOIDS = CORRECTIONS
IN_EFFECT, SUPERSEDED, TAKEN_BACK, UNMATCHED = "in_effect", "superseded", "taken_back", "unmatched"
EventKey = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True)
class Fact:
    """What is needed to know of an event. `target_id`: the id of what it corrects or voids, by its `kind`."""

    source: str
    event_id: str
    object_type: str
    object_id: str
    occurred_at: datetime
    event_date: date
    sequence: int
    kind: str | None = None
    target_id: str | None = None

    @property
    def key(self) -> EventKey:
        """Source and id: what no other event has."""
        return self.source, self.event_id

    @property
    def order(self) -> tuple[datetime, str]:
        """The place in time; of two at one instant the lesser id is first, in whichever order they landed."""
        return self.occurred_at, self.event_id


@dataclass
class Decision:
    """What follows from all corrections: the status and place of each, and the events that are not in effect.

    `places`: the event at the start of each chain of corrections; `replaced`: for a correction that has or
    had an effect, what was in effect in its place until then, if anything.
    """

    statuses: dict[EventKey, str] = field(default_factory=dict)
    places: dict[EventKey, Fact] = field(default_factory=dict)
    replaced: dict[EventKey, EventKey | None] = field(default_factory=dict)
    removed: set[EventKey] = field(default_factory=set)


def decide(corrections: Iterable[Fact], others: Iterable[Fact]) -> Decision:
    """Decide which events are in effect; the order of the arguments does not matter.

    `corrections`: the events that correct or void; `others`: what they name besides one another.
    """
    known = {fact.key: fact for fact in [*others, *corrections]}
    in_order = sorted((fact for fact in known.values() if fact.kind), key=lambda fact: fact.order)
    targets = {fact.key: target for fact in in_order if (target := named_event(fact, known))}
    decision = Decision()
    taken_back: set[EventKey] = set()
    for fact in reversed(in_order):  # what takes a correction back is later, so it is decided by now
        if fact.kind == VOIDS and fact.key in targets and fact.key not in taken_back:
            taken_back.add(targets[fact.key].key)
    taken_back &= set(targets)
    in_effect: dict[EventKey, EventKey | None] = {}
    for fact in in_order:
        decision.statuses[fact.key] = IN_EFFECT if fact.key in targets else UNMATCHED
        if fact.key not in targets:
            continue
        place = decision.places[fact.key] = _place(fact, targets)
        decision.removed |= {place.key, fact.key}
        if fact.key in taken_back:
            decision.statuses[fact.key] = TAKEN_BACK
        elif fact.kind == CORRECTS or targets[fact.key] == place:
            decision.replaced[fact.key] = in_effect.get(place.key, place.key)
            in_effect[place.key] = fact.key if fact.kind == CORRECTS else None
    for fact in decision.places.values():
        in_effect.setdefault(fact.key, fact.key)
    decision.removed -= {key for key in in_effect.values() if key}
    for fact in in_order:
        if (
            fact.kind == CORRECTS
            and decision.statuses[fact.key] == IN_EFFECT
            and fact.key in decision.removed
        ):
            decision.statuses[fact.key] = SUPERSEDED
    return decision


def named_event(fact: Fact, known: Mapping[EventKey, Fact]) -> Fact | None:
    """Return the event that a correction names, None where it may not name it or is no correction."""
    target = known.get((fact.source, fact.target_id or ""))
    if target is None or (target.object_type, target.object_id) != (fact.object_type, fact.object_id):
        return None
    # Two corrections of one instant must not name each other: which of them counts would depend on nothing.
    is_earlier = target.order < fact.order if target.kind else target.occurred_at <= fact.occurred_at
    return target if is_earlier else None


def _place(fact: Fact, targets: Mapping[EventKey, Fact]) -> Fact:
    """Return the event at the start of a chain of corrections: all of the chain is about that one's place."""
    while (target := targets.get(fact.key)) is not None:
        fact = target
    return fact

"""Corrections: which events are in effect, where others correct or void them.

Belongs here: deciding what follows from the events that correct or void, over one cut of the log. Not here:
accepting such an event (`validation`), finding them (`resolved_corrections`), making tables of the decision
(`correction_tables`), and leaving out what is not in effect (`events_in_effect`, `segment_frames`).

A correction names an event of its own source, object and type, of whichever major, that did not occur later
than it, as far as two clocks agree:
- `corrects`: the event takes the place of the one it names, at that one's time, until the next does.
- `voids`: nothing is in that place any more; where it names a correction, it takes that correction back.
  A voiding event says nothing else, so it is never in effect itself.
Of events that are revisions of one another each corrects the one before it, by their numbers.
A correction that names no such event waits: it has no effect, and what it says counts nowhere. So does one
that names a correction which waits. What they name may still land; then they take effect.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import pairwise

from event_archive.envelope import CORRECTIONS
from event_archive.limits import CLOCK_SKEW
from event_archive.store.commit import Commit, segments_of

CORRECTS, VOIDS = CORRECTIONS
IN_EFFECT, SUPERSEDED, TAKEN_BACK, WAITING = "in_effect", "superseded", "taken_back", "waiting"
STATUSES = (IN_EFFECT, SUPERSEDED, TAKEN_BACK, WAITING)

NOT_LANDED = "not landed"
ANOTHER_OBJECT = "of another object"
ANOTHER_TYPE = "of another type"
LATER = "of a later time"
NAMES_WAITING = "waits itself"
CIRCLE = "names it in turn"
"""What keeps the event that a correction names from being corrected by it."""

EventKey = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True)
class Fact:
    """What is needed to know of an event. `target_id`: the id of what it corrects or voids, by its `kind`.

    `segment`: the path of its segment. `revision`: its number among the revisions of `target_id`, if it is
    one; which it corrects then follows from the others, see `in_order_of_revision`.
    """

    source: str
    event_id: str
    object_type: str
    object_id: str
    verb: str
    occurred_at: datetime
    event_date: date
    sequence: int
    kind: str | None = None
    target_id: str | None = None
    segment: str = ""
    revision: int | None = None

    @property
    def key(self) -> EventKey:
        """Source and id: what no other event has."""
        return self.source, self.event_id


@dataclass(frozen=True)
class Chain:
    """What a correction that does not wait depends on: its place, at which the chain of what it names ends.

    `order`: its turn among the corrections of that place. By time; but what names a correction comes after
    it, also where the clock behind it was slow; of two at one instant the lesser id is first.
    """

    place: Fact
    order: tuple[datetime, int, str]
    known_sequence: int
    first_sequence: int


@dataclass
class Decision:
    """What follows from all corrections: the status of each, and the events that are not in effect.

    `chains`: of each correction that does not wait; `reasons`: why another waits; `replaced`: for a
    correction that has or had an effect, what was in effect in its place until then, if anything;
    `changed`: for each event of a chain, the commit by which all that is decided of its place was known.
    """

    statuses: dict[EventKey, str] = field(default_factory=dict)
    chains: dict[EventKey, Chain] = field(default_factory=dict)
    reasons: dict[EventKey, str] = field(default_factory=dict)
    replaced: dict[EventKey, EventKey | None] = field(default_factory=dict)
    removed: set[EventKey] = field(default_factory=set)
    changed: dict[EventKey, int] = field(default_factory=dict)

    def place_of(self, key: EventKey) -> Fact | None:
        """The event in whose place a correction is or was; None where it waits."""
        chain = self.chains.get(key)
        return chain.place if chain else None


def in_order_of_revision(facts: Iterable[Fact]) -> list[Fact]:
    """Return facts with each revision correcting the one before it; the first of each corrects nothing.

    Revisions are of one another by source and `target_id`. Others stay as they are.
    """
    result: list[Fact] = []
    revisions: dict[tuple[str, str | None], list[Fact]] = {}
    for fact in facts:
        if fact.revision is None:
            result.append(fact)
        else:
            revisions.setdefault((fact.source, fact.target_id), []).append(fact)
    for group in revisions.values():
        group.sort(key=lambda fact: (fact.revision, fact.event_id))
        result.append(replace(group[0], kind=None, target_id=None))
        result += [replace(fact, target_id=before.event_id) for before, fact in pairwise(group)]
    return result


def count_corrections(commits: Sequence[Commit]) -> int:
    """Return how many events of these commits correct or void another; from the log alone."""
    return sum(segment.corrections for segment in segments_of(commits))


def decide(corrections: Iterable[Fact], others: Iterable[Fact]) -> Decision:
    """Decide which events are in effect; the order of the arguments does not matter.

    `corrections`: the events that correct or void; `others`: what they name besides one another.
    """
    known = {fact.key: fact for fact in [*others, *corrections]}
    correcting = [fact for fact in known.values() if fact.kind]
    decision = Decision()
    for fact in correcting:
        _follow(fact, known, decision)
    in_order = sorted(
        (fact for fact in correcting if fact.key in decision.chains),
        key=lambda fact: decision.chains[fact.key].order,
    )
    decision.removed |= {fact.key for fact in correcting}
    decision.removed |= {chain.place.key for chain in decision.chains.values()}
    _take_turns(in_order, _taken_back(in_order), decision)
    for fact in in_order:
        place = decision.chains[fact.key].place.key
        known_sequence = decision.chains[fact.key].known_sequence
        decision.changed[place] = max(decision.changed.get(place, 0), known_sequence)
    for fact in in_order:
        decision.changed[fact.key] = decision.changed[decision.chains[fact.key].place.key]
    for key in decision.reasons:
        decision.changed[key] = known[key].sequence
    return decision


def _follow(fact: Fact, known: Mapping[EventKey, Fact], decision: Decision) -> None:
    """Decide the chain of a correction and of those it depends on, or why they wait."""
    path: dict[EventKey, Fact] = {}
    reason: str | None = None
    while reason is None and fact.kind and fact.key not in decision.chains:
        if fact.key in path:
            keys = list(path)
            decision.reasons |= dict.fromkeys(keys[keys.index(fact.key) :], CIRCLE)
            reason = NAMES_WAITING
            break
        path[fact.key] = fact
        target = known.get((fact.source, fact.target_id or ""))
        reason = decision.reasons.get(fact.key) or _why_not(fact, target)
        fact = target or fact
    for correction in reversed(path.values()):
        if reason is None:
            decision.chains[correction.key] = _chain(correction, fact, decision.chains.get(fact.key))
            fact = correction
        else:
            decision.reasons.setdefault(correction.key, reason)
            decision.statuses[correction.key] = WAITING
            reason = NAMES_WAITING


def _why_not(fact: Fact, target: Fact | None) -> str | None:
    """Return why a correction may not name this event; None where it may."""
    if target is None:
        return NOT_LANDED
    if (target.object_type, target.object_id) != (fact.object_type, fact.object_id):
        return ANOTHER_OBJECT
    if target.verb != fact.verb:
        return ANOTHER_TYPE
    if fact.revision is not None:  # the producer numbers them, and no clock decides
        return None
    return LATER if target.occurred_at > fact.occurred_at + CLOCK_SKEW else None


def _chain(fact: Fact, target: Fact, of_target: Chain | None) -> Chain:
    """Return the chain of a correction, by what it names and the chain of that, where it has one."""
    if of_target is None:
        sequences = fact.sequence, target.sequence
        return Chain(target, (fact.occurred_at, 1, fact.event_id), max(sequences), min(sequences))
    since, depth, _ = of_target.order
    return Chain(
        of_target.place,
        (max(fact.occurred_at, since), depth + 1, fact.event_id),
        max(fact.sequence, of_target.known_sequence),
        min(fact.sequence, of_target.first_sequence),
    )


def _taken_back(in_order: list[Fact]) -> set[EventKey]:
    """Return the corrections that another voids which is not taken back itself."""
    correcting = {fact.key for fact in in_order}
    taken_back: set[EventKey] = set()
    for fact in reversed(in_order):  # what takes a correction back comes after it, so it is decided by now
        if fact.kind == VOIDS and fact.key not in taken_back:
            taken_back.add((fact.source, fact.target_id or ""))
    return taken_back & correcting


def _take_turns(in_order: list[Fact], taken_back: set[EventKey], decision: Decision) -> None:
    """Let each correction have its effect, and the last in each place keep it."""
    in_effect: dict[EventKey, EventKey | None] = {}
    for fact in in_order:
        place = decision.chains[fact.key].place.key
        decision.statuses[fact.key] = TAKEN_BACK if fact.key in taken_back else IN_EFFECT
        in_effect.setdefault(place, place)
        if fact.key in taken_back:
            continue
        if fact.kind == CORRECTS or (fact.source, fact.target_id) == place:
            decision.replaced[fact.key] = in_effect[place]
            in_effect[place] = fact.key if fact.kind == CORRECTS else None
    decision.removed -= {key for key in in_effect.values() if key}
    for fact in in_order:
        is_replaced = fact.kind == CORRECTS and fact.key in decision.removed
        if is_replaced and decision.statuses[fact.key] == IN_EFFECT:
            decision.statuses[fact.key] = SUPERSEDED

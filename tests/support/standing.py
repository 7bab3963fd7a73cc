"""What stands after corrections, worked out once more: by the rules as the page words them.

Belongs here: "The rules" of docs/how-to-correct-events.md, as plain as can be, for a handful of events.
Not here: how the product decides it for millions (`event_archive.views.corrections`). Where they disagree,
one of them is wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from event_archive.views.corrections import CORRECTS, VOIDS, Fact

AGREE_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Rules:
    """A handful of events, and what each rule says of them."""

    facts: Sequence[Fact]

    def named(self, fact: Fact) -> Fact | None:
        """Rules 1 to 3: the event that a correction names, where it may."""
        for other in self.facts:
            is_named = other.source == fact.source and other.event_id == fact.target_id
            is_alike = (other.object_type, other.object_id, other.verb) == (
                fact.object_type,
                fact.object_id,
                fact.verb,
            )
            if is_named and is_alike and other.occurred_at <= fact.occurred_at + AGREE_WITHIN:
                return other
        return None

    def chain(self, fact: Fact) -> list[Fact]:
        """Rules 3 and 4: a correction, what it names, and so on to what is no correction; empty: it waits."""
        chain = [fact]
        while chain[-1].kind:
            named = self.named(chain[-1])
            if named is None or named in chain:
                return []
            chain.append(named)
        return chain

    def is_taken_back(self, fact: Fact) -> bool:
        """Rule 7: whether an event voids it that is not taken back itself."""
        return any(
            other.kind == VOIDS
            and self.chain(other)
            and self.named(other) == fact
            and not self.is_taken_back(other)
            for other in self.facts
        )

    def turn(self, fact: Fact) -> tuple[object, ...]:
        """Rule 5: by time, but after what it names; of two at one instant the greater id is last."""
        corrections = self.chain(fact)[:-1]
        return max(other.occurred_at for other in corrections), len(corrections), fact.event_id

    def standing(self) -> Iterator[tuple[Fact, Fact]]:
        """The events that stand, each with the one in whose place it does."""
        for place in self.facts:
            if place.kind:
                continue
            turns = [
                fact
                for fact in self.facts
                if fact.kind
                and self.chain(fact)[-1:] == [place]
                and not self.is_taken_back(fact)
                and (fact.kind == CORRECTS or self.named(fact) == place)  # rule 6
            ]
            last = max(turns, key=self.turn, default=place)
            if last.kind != VOIDS:
                yield last, place


def fact_of(event: Mapping[str, Any]) -> Fact:
    """An event as what decides on corrections sees it."""
    kind = next((kind for kind in (CORRECTS, VOIDS) if kind in event), None)
    object_type, object_id = event["object"].split("/")
    at = datetime.fromisoformat(event["time"])
    target_id = event[kind] if kind else None
    verb = event["type"].split(".")[1]
    return Fact(event["source"], event["id"], object_type, object_id, verb, at, at.date(), 0, kind, target_id)

"""What comes of a trial: how many events were tried, and those that the proposal would reject.

Belongs here: counts, and a few examples of each kind. Not here: trying events (`trial`), and why one is
rejected (`trial_faults`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from event_archive.evolution.trial_faults import Fault
from event_archive.store.commit import Commit

EXAMPLES = 3
MAX_GROUPS = 1000  # of rejections; what comes beyond is counted under one more
OTHER = Fault("…", "another place or reason")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class RejectedExample:
    """One event that would be rejected: which, with which commit and from where it landed, and the value."""

    event_id: str
    sequence: int
    origin: str
    value: Any
    detail: str


@dataclass
class RejectedGroup:
    """Events of one producer that would be rejected at one place for one reason."""

    type: str
    place: str
    reason: str
    source: str
    events: int = 0
    examples: list[RejectedExample] = field(default_factory=list)


@dataclass
class Trial:
    """The events tried, by type, and those that would be rejected."""

    tried: dict[str, int] = field(default_factory=dict)
    groups: dict[tuple[str, str, str, str], RejectedGroup] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """How many events would be rejected."""
        return sum(group.events for group in self.groups.values())

    def ordered(self) -> list[RejectedGroup]:
        """The rejections, most events first."""
        return sorted(
            self.groups.values(),
            key=lambda group: (-group.events, group.type, group.place, group.reason, group.source),
        )

    def reject(self, event_type: str, row: Row, fault: Fault, commit: Commit) -> None:
        """Count one rejection, and keep it as an example where there are few yet."""
        key = event_type, fault.place, fault.reason, row["source"]
        if key not in self.groups and len(self.groups) >= MAX_GROUPS:
            key = event_type, OTHER.place, OTHER.reason, "…"
        group = self.groups.setdefault(key, RejectedGroup(*key))
        group.events += 1
        if len(group.examples) < EXAMPLES:
            group.examples.append(
                RejectedExample(row["event_id"], commit.sequence, commit.origin, fault.value, fault.detail)
            )

"""The events that one of two cuts shows and the other does not: what came between two states of a dataset.

Belongs here: which segments can hold such events, and the SELECT over just these. Not here: whose events they
are and what they changed (that is asked by whoever compares datasets), and the views of one cut (`views`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from event_archive.archive import Archive
from event_archive.sql_text import literal, moment
from event_archive.store.commit import Commit, Segment
from event_archive.views.event_views import view_sql

COLUMNS = (
    *("event_id", "source", "object_type", "object_id", "occurred_at", "landed_at", "sequence"),
    *("corrects", "voids"),
)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Cut:
    """The commits up to and with a sequence, of these the events that had occurred before a moment."""

    sequence: int
    as_of: datetime | None = None

    @property
    def condition(self) -> str:
        """Whether an event is shown, in SQL."""
        before = "true" if self.as_of is None else f"occurred_at < {moment(self.as_of)}"
        return f"(sequence <= {int(self.sequence)} AND {before})"


def differing_events_sql(archive: Archive, one: Cut, other: Cut, views: Collection[str]) -> str | None:
    """The SELECT of the events of these views that exactly one cut shows; None where there can be none.

    Corrections of any event of the same objects are among them, whatever their type: they tell which event
    they mend by its id alone. `in_other` tells which cut shows an event. `events.segments` has to be there.
    """
    commits = archive.log.commits(max(one.sequence, other.sequence))
    newest = {contract.view_name: contract for contract in archive.contracts.newest()}
    objects = {newest[view].object_type for view in views if view in newest}
    parts, differing = [], differing_segments(commits, one, other)
    for contract in archive.contracts.values():
        if contract.object_type not in objects:
            continue
        segments = [
            segment
            for segment in differing
            if segment.type == contract.type and (contract.view_name in views or segment.corrections)
        ]
        if segments:
            parts.append(
                f"SELECT {literal(contract.type)} AS event_type, {literal(contract.view_name)} AS view_name, "
                f"{', '.join(COLUMNS)}, {other.condition} AS in_other "
                f"FROM ({view_sql(archive, contract, segments)}) "
                f"WHERE {one.condition} <> {other.condition}"
            )
    return " UNION ALL ".join(parts) or None


def differing_segments(commits: Sequence[Commit], one: Cut, other: Cut) -> list[Segment]:
    """The segments that can hold an event which one cut shows alone; from the log, without opening any."""
    earlier, later = sorted((one, other), key=lambda cut: cut.sequence)
    moments = sorted(cut.as_of or END_OF_TIME for cut in (one, other))
    found = []
    for commit in commits:
        for segment in commit.segments:
            first, last = map(datetime.fromisoformat, (segment.min_occurred_at, segment.max_occurred_at))
            if commit.sequence > earlier.sequence:
                differs = first < (later.as_of or END_OF_TIME)
            else:
                differs = first < moments[1] and last >= moments[0]
            if differs:
                found.append(segment)
    return found

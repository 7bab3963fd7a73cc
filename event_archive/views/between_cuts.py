"""The events that just one of two cuts shows: what came between two states of a dataset.

Belongs here: which segments can hold such events, and the SELECT over just these. Not here: whose events they
are and what they changed (whoever compares datasets asks that), and the views of one cut (`event_views`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from event_archive.archive import Archive
from event_archive.sql_text import literal, moment
from event_archive.store.commit import Commit, Segment
from event_archive.views.segment_sql import view_sql

COLUMNS = (
    *("event_id", "source", "object_type", "object_id", "occurred_at", "landed_at", "sequence", "position"),
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
        """The SQL test whether an event is shown."""
        before = "true" if self.as_of is None else f"occurred_at < {moment(self.as_of)}"
        return f"(sequence <= {int(self.sequence)} AND {before})"


def differing_events_sql(archive: Archive, first: Cut, second: Cut, views: Collection[str]) -> str | None:
    """Return the SELECT of the events of these views that just one cut shows; None where there can be none.

    Corrections of any event of the same objects are among them, whatever their type: they name the event that
    they correct by its id alone. `in_other`: whether the second cut shows it. `events.segments` has to exist.
    """
    commits = archive.log.commits(max(first.sequence, second.sequence))
    newest = {contract.view_name: contract for contract in archive.contracts.newest()}
    objects = {newest[view].object_type for view in views if view in newest}
    parts, differing = [], differing_segments(commits, first, second)
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
                f"{', '.join(COLUMNS)}, {second.condition} AS in_other "
                f"FROM ({view_sql(archive, contract, segments)}) "
                f"WHERE {first.condition} <> {second.condition}"
            )
    return " UNION ALL ".join(parts) or None


def differing_segments(commits: Sequence[Commit], first: Cut, second: Cut) -> list[Segment]:
    """Return the segments that can hold an event which just one cut shows; from the log alone."""
    earlier, later = sorted((first, second), key=lambda cut: cut.sequence)
    moments = sorted(cut.as_of or END_OF_TIME for cut in (first, second))
    differing = []
    for commit in commits:
        for segment in commit.segments:
            span = segment.min_occurred_at, segment.max_occurred_at
            earliest, latest = map(datetime.fromisoformat, span)
            if commit.sequence > earlier.sequence:
                differs = earliest < (later.as_of or END_OF_TIME)
            else:
                differs = earliest < moments[1] and latest >= moments[0]
            if differs:
                differing.append(segment)
    return differing

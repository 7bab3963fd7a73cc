"""What is known of an event type's days: rows, how many of them came late, and a digest of their content.

Belongs here: facts of days, and what counts as late. Not here: the views (`event_views`), and how a day is
reported to Dagster.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from event_archive.archive import Archive
from event_archive.engine import open_engine
from event_archive.envelope import CORRECTIONS, STORED_COLUMNS
from event_archive.sql_text import literal
from event_archive.store.commit import Commit, segments_of, standing_segments
from event_archive.store.remaps import landing_of
from event_archive.views.segment_sql import create_segments_table, view_sql


@dataclass(frozen=True)
class DayFacts:
    """The rows of an event type on a UTC day; `digest`: of their content, whatever their order and files.

    `late_rows`: of these, those whose commit came after a commit that already held a later day.
    """

    rows: int
    late_rows: int
    digest: str


def day_facts(
    archive: Archive,
    event_type: str,
    days: Sequence[date] | None = None,
    *,
    threads: int = 2,
    cut: int | None = None,
) -> dict[date, DayFacts]:
    """Return rows, lateness and digest per day of an event type and major, read from the segments.

    `days`: only these, all where it is None; days without events are left out. `cut`: of the commits up to
    and with this sequence. Raises KeyError for an event type without a contract.
    """
    contract = archive.contracts[event_type]
    commits = archive.log.commits(cut)
    wanted = None if days is None else {day.isoformat() for day in days}
    segments = [
        segment
        for segment in segments_of(commits, event_type)
        if wanted is None or not wanted.isdisjoint(segment.days)
    ]
    if not segments:
        return {}
    late = late_rows(commits, event_type)
    listed = (
        ""
        if wanted is None
        else f"WHERE event_date IN ({', '.join(f'DATE {literal(d)}' for d in sorted(wanted))})"
    )
    columns = ", ".join([*(name for name in STORED_COLUMNS if name not in CORRECTIONS), "data", "extra"])
    # Only where there is a correction: the days of older archives keep their digests.
    correcting = "CASE WHEN coalesce(corrects, voids) IS NOT NULL THEN to_json(row(corrects, voids)) END"
    with open_engine(threads=threads) as connection:
        create_segments_table(connection, archive, commits)
        rows = connection.execute(
            f"SELECT event_date, count(*), sum(md5_number_lower(fact)), sum(md5_number_upper(fact)) FROM "
            f"(SELECT event_date, concat(to_json(row({columns})), {correcting}) AS fact "
            f"FROM ({view_sql(archive, contract, segments)}) {listed}) "
            "GROUP BY event_date ORDER BY event_date"
        ).fetchall()
    return {
        day: DayFacts(count, late.get(day, 0), f"{int(low) % 2**64:016x}{int(high) % 2**64:016x}")
        for day, count, low, high in rows
    }


def late_rows(commits: Iterable[Commit], event_type: str) -> dict[date, int]:
    """Return how many rows of an event type landed late, per day; `commits`: the log from its start."""
    late: dict[date, int] = {}
    listed = list(commits)
    latest_before = {commit.sequence: latest for commit, latest in with_latest_day(listed)}
    for commit, segment in standing_segments(listed):
        # A remap makes nothing late: its events came when their records did.
        latest = latest_before[landing_of(commit, segment)]
        for day, rows in segment.days.items() if segment.type == event_type else ():
            if (on := date.fromisoformat(day)) < latest:
                late[on] = late.get(on, 0) + rows
    return late


def with_latest_day(commits: Iterable[Commit]) -> Iterator[tuple[Commit, date]]:
    """Yield each commit with the latest day of all commits before it: its rows of earlier days are late.

    `commits`: the log from its start. With the first commit comes `date.min`.
    """
    latest = date.min
    for commit in commits:
        yield commit, latest
        held = (date.fromisoformat(day) for segment in commit.segments for day in segment.days)
        latest = max([latest, *held])

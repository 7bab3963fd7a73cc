"""The words of status: one screen for a person, one document for a program.

Belongs here: how a standing is worded, in lines and as JSON. Not here: what it says (`standing`), and the
width of the screen (`command_line.screen`).
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, tzinfo

from event_archive.wording import agree, format_age, format_count
from orchestration.health.standing import (
    ArchiveStanding,
    RefreshStanding,
    ServedStanding,
    Standing,
    WaitingStanding,
)
from orchestration.shown_times import format_time

Line = tuple[str, str]
SHOWN_TYPES = 4


def to_json(standing: Standing) -> dict[str, object]:
    """One document, with keys in snake_case; times are in UTC."""
    return {
        "well": standing.is_well,
        **asdict(standing),
        "refresh": standing.refresh
        and {**asdict(standing.refresh), "does_nothing": standing.refresh.does_nothing},
        "next_command": standing.next_command,
    }


def to_lines(standing: Standing, now: datetime, zone: tzinfo) -> Iterator[Line]:
    """Each line with its heading; `now` is only for how long ago something was."""
    yield "project", standing.project or f"none; the home is {standing.home}"
    if standing.archive and standing.waiting and standing.refresh:
        yield "archive", " ".join(archive_words(standing.archive, now, zone))
        yield "waiting", waiting_words(standing.waiting)
        yield "served", served_words(standing.served, standing.archive, now, zone)
        yield "refresh", refresh_words(standing.refresh)
    for problem in standing.problems:
        yield "problem", f"{problem.what}. To do: {problem.to_do}"
    if standing.is_well:
        yield "problems", "none"
    yield "next", standing.next_command


def archive_words(archive: ArchiveStanding, now: datetime, zone: tzinfo) -> Iterator[str]:
    """How much there is, since when, and the head that vouches for it."""
    if archive.last_landing is None:
        yield "empty: nothing has landed yet"
        return
    yield f"{format_count(archive.commits, 'commit')}, {format_count(archive.events, 'event')};"
    last = archive.last_landing
    brought = format_count(last.accepted, "event") + (f", {last.rejected:,} refused" * bool(last.rejected))
    yield f"the last landed {ago(last.landed_at, now, zone)} ({brought});"
    yield f"head {archive.head_digest[:16]}"


def waiting_words(waiting: WaitingStanding) -> str:
    """What was refused, what lies in the inbox, which corrections wait."""
    said = [format_count(waiting.refused_records, "refused record") if waiting.refused_records else ""]
    if waiting.inbox_files:
        said.append(f"{format_count(waiting.inbox_files, 'file')} in the inbox ({size(waiting.inbox_bytes)})")
    if waiting.inbox_unfinished:
        said.append(f"{format_count(waiting.inbox_unfinished, 'file')} that somebody still writes")
    if waiting.corrections_waiting:
        said.append(format_count(waiting.corrections_waiting, "correction"))
    elif waiting.corrections_waiting is None:
        said.append(f"perhaps some of {format_count(waiting.corrections, 'correction')}")
    return "; ".join(filter(None, said)) or "nothing: no refused record, no file in the inbox, no correction"


def served_words(served: ServedStanding | None, archive: ArchiveStanding, now: datetime, zone: tzinfo) -> str:
    """What analysts read, and how fresh it is by data time."""
    if served is None:
        return "nothing is published yet"
    tables, rows = format_count(served.tables, "table"), format_count(served.rows, "row")
    held = f"version {served.version}{', held' if served.is_held else ''}: {tables}, {rows}"
    fresh = "without an event"
    if served.newest_event_at:
        fresh = f"data up to {ago(served.newest_event_at, now, zone)}"
        if archive.newest_event_at and archive.newest_event_at > served.newest_event_at:
            behind = format_age(archive.newest_event_at - served.newest_event_at)
            fresh += f", {behind} behind the archive"
    return f"{held}; {fresh}; published {ago(served.published_at, now, zone)}"


def refresh_words(refresh: RefreshStanding) -> str:
    """What a refresh would do."""
    if refresh.under_way:
        return f"under way: {refresh.under_way}"
    if refresh.does_nothing:
        return "would do nothing: all is as it was derived"
    said = []
    if refresh.new_commits:
        events = sum(refresh.new_events.values())
        kinds = [f"{number:,} {name}" for name, number in refresh.new_events.items()]
        more = len(kinds) - SHOWN_TYPES
        kinds[SHOWN_TYPES:] = [f"{more} more {agree(more, 'type', 'types')}"] if more > 0 else []
        counted = f"{format_count(refresh.new_commits, 'new commit')} with {format_count(events, 'event')}"
        said.append(f"{counted} ({', '.join(kinds)})" if kinds else counted)
    return "would derive: " + "; ".join([*said, *refresh.because])


def ago(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment to the second, and how long ago that was; nothing of it where it lies ahead."""
    shown = format_time(moment.replace(microsecond=0), zone)
    return f"{shown}, {format_age(now - moment)} ago" if now >= moment else f"{shown}, ahead of this clock"


def size(number: int) -> str:
    """A number of bytes for a person."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number = round(number / 1000)
    return f"{number:,.0f} GB"

"""Rejected records as the screen shows them: groups, places, and what became of each.

Belongs here: wording and tables. Not here: the commands (`quarantine`), and finding the records
(`event_archive.quarantine.queries`).
"""

import sys
from typing import TYPE_CHECKING

from event_archive import Archive
from event_archive.quarantine.states import DUPLICATE, IGNORED, RECOVERED
from event_archive.wording import did_you_mean, format_count
from orchestration.command_line import screen

if TYPE_CHECKING:
    from event_archive.quarantine.queries import Filter, Group, RejectedRecord, Step

LONG_TEXT, LONG_NAME = 300, 60


def format_nothing_found(archive: Archive, wanted: "Filter") -> str:
    """A sentence that says that there is no such record."""
    from event_archive.quarantine.queries import Filter, grouped

    if not any(commit.quarantine for commit in archive.log.commits()):
        return "The quarantine is empty: no record was ever refused."
    if wanted == Filter():
        return "No record is refused any more. Those that were: factlog quarantine list --all"
    every = grouped(archive, Filter(state=None), limit=sys.maxsize, samples=0)
    for field in ("reason", "type", "source"):
        asked, known = getattr(wanted, field), {getattr(group, field) or "" for group in every}
        if asked is not None and asked not in known and (meant := did_you_mean(asked, known)):
            return screen.printable(f"No refusal is of the {field} {asked}; {meant}")
    return "No refusal is like that. All there are: factlog quarantine list --all"


def print_groups(groups: "list[Group]", limit: int) -> None:
    """Print the largest groups, and how much the others hold."""
    screen.print_table(
        "Refused, by reason, type, producer and day",
        ["reason", "type", "producer", "day", "state", "records"],
        [
            (
                group.reason,
                shorten(group.type, LONG_NAME),
                shorten(group.source, LONG_NAME),
                group.day,
                group.state,
                group.records,
            )
            for group in groups[:limit]
        ],
        droppable=["state", "day"],
    )
    if len(groups) > limit:
        rest = sum(group.records for group in groups[limit:])
        more = format_count(len(groups) - limit, "more group")
        screen.print_lines(f"… and {format_count(rest, 'record')} in {more}; see --limit")


def format_step(step: "Step") -> str:
    """What a commit made of a record."""
    match step.state:
        case state if state == RECOVERED:
            return f"recovered in commit {step.sequence}"
        case state if state == DUPLICATE:
            return f"found to be a duplicate in commit {step.sequence}"
        case state if state == IGNORED:
            return f"ignored on purpose, by the mapping of commit {step.sequence}"
    return f"refused in commit {step.sequence}: {step.reason}: {step.detail}"


def format_place(record: "RejectedRecord") -> str:
    """Where a record stands in its input, and the number of what was rejected of it."""
    return f"{record.position}" + (f", element {record.element}" if record.element else "")


def shorten(text: str | None, length: int) -> str:
    """Cut a text of a record to a length that fits a table."""
    if text is None:
        return "-"
    return text if len(text) <= length else f"{text[:length]}…"


def read_bytes(archive: Archive, record: "RejectedRecord") -> bytes:
    """Read the bytes of a record."""
    from event_archive.landing.quarantine_file import record_at

    return record_at(archive, archive.log.commits()[record.sequence - 1], record.row)

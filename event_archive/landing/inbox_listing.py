"""What lies in the inbox: files that are complete, files that are still written, and what is no file.

Belongs here: telling these apart, and what is wrong with the last. Not here: landing (`inbox`), and walking
through folders (`decoding.dropped_file`).
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from event_archive.decoding.dropped_file import FolderEntry, entries_below

SETTLED_AFTER_SECONDS = 2.0
CLOCKS_DIFFER_BY_SECONDS = 300.0
PARTIAL_SUFFIXES = (".tmp", ".part", ".partial", ".crdownload")


@dataclass
class InboxListing:
    """`complete`: nobody has written to them for a while. `problems`: what can't land, and why."""

    complete: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    problems: dict[Path, str] = field(default_factory=dict)


def list_inbox(inbox: Path, *, settled_after: float = SETTLED_AFTER_SECONDS) -> InboxListing:
    """Look through the inbox and the folders in it; `settled_after`: the seconds after the last write.

    Names that begin with a dot, or end as partial files do (`.tmp`, `.part` …), are left alone: a producer
    that can't write in one go writes to such a name and renames the file when it is complete. The inbox may
    itself be a link, of the operator's; one inside of it is a problem, wherever it leads.
    """
    listing = InboxListing()
    now = time.time()
    for entry in sorted(entries_below(inbox) if inbox.is_dir() else (), key=lambda entry: entry.path):
        if entry.path.name.endswith(PARTIAL_SUFFIXES):
            continue
        if problem := _problem(entry):
            listing.problems[entry.path] = problem
        elif _is_settled(entry.modified_ns / 1e9, now, settled_after):
            listing.complete.append(entry.path)
        else:
            listing.unfinished.append(entry.path)
    return listing


def _problem(entry: FolderEntry) -> str | None:
    if entry.fault:
        return f"{entry.fault}; let factlog read it, or take it out of the inbox"
    if entry.kind == "a symbolic link":
        return "is a symbolic link, which the inbox does not follow; put the file itself there"
    return f"is {entry.kind}, which can't land; take it out of the inbox" if entry.kind else None


def _is_settled(modified: float, now: float, settled_after: float) -> bool:
    """Whether the last write was a while ago.

    A time that lies far ahead is no write of just now: somebody set it, with the file complete, or a clock is
    wrong. It would not pass for years, and a file that grows while it lands stays in the inbox anyhow.
    """
    return modified <= now - settled_after or modified > now + CLOCKS_DIFFER_BY_SECONDS

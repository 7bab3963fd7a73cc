"""The inbox: a folder that files are dropped into, to be landed and moved away.

Belongs here: landing each, and going on behind one that can't be. Not here: which files are complete
(`inbox_listing`), where they go (`landed_files`), what a landing does (`land_files`), and when to look
(Dagster's sensor, `factlog inbox`).

A file goes to `landed/<day>/` beside the inbox only once its commit is durable: a crash in between leaves
it in the inbox, and landing it again finds that its bytes have landed and adds nothing. The day is that of
the commit, also then.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath

from event_archive.archive import Archive
from event_archive.decoding.sources import Source
from event_archive.errors import UnusableSource
from event_archive.landing.inbox_listing import SETTLED_AFTER_SECONDS, list_inbox
from event_archive.landing.land import Landed, Limits, PassedOver
from event_archive.landing.land_files import LandingRun
from event_archive.landing.landed_files import FileState, move_to_landed, read_state
from event_archive.mapping.mapping import Mapping as RecordMapping


def land_inbox(
    archive: Archive,
    inbox: Path,
    *,
    mappings: Mapping[str, RecordMapping] | None = None,
    limits: Limits | None = None,
    settled_after: float = SETTLED_AFTER_SECONDS,
    quarantine_anyway: bool = True,
) -> Iterator[Landed | PassedOver]:
    """Land every waiting file, small ones together; each is moved away before its result is given.

    `mappings`: by folder of the inbox, how the records that lie below it become events. Without
    `quarantine_anyway` a file in which there is no single event stays where it is, too.

    What can't be landed, or can't be moved, is passed over with its problem: it keeps no other file waiting.
    A fault of our own that a file brings to light is raised, once the others have landed.
    """
    listing = list_inbox(inbox, settled_after=settled_after)
    for path, what in listing.problems.items():
        yield PassedOver(_source(path, inbox).origin, what)
    sources = {_source(path, inbox): path.relative_to(inbox) for path in listing.complete}
    states: dict[Source, FileState] = {}
    run = LandingRun(
        archive,
        [(source, mapping_of(place, mappings or {})) for source, place in sources.items()],
        limits=limits,
        quarantine_anyway=quarantine_anyway,
        begin=lambda source: states.update({source: read_state(source)}),
    )
    faults: list[Exception] = []
    for source, outcome in run.outcomes():
        if isinstance(outcome, UnusableSource):
            if os.path.lexists(inbox / sources[source]):  # otherwise another process has landed it meanwhile
                yield PassedOver(source.origin, outcome.problem)
        elif isinstance(outcome, Exception):
            faults.append(outcome)
        else:
            problem = _move_away(source, states.pop(source), outcome, inbox.parent / "landed")
            yield outcome
            if problem is not None:
                yield PassedOver(source.origin, problem)
    if faults:
        raise faults[0]


def mapping_of(place: PurePath, mappings: Mapping[str, RecordMapping]) -> RecordMapping | None:
    """Return the mapping of the nearest folder above a file that has one."""
    return next((mappings[str(folder)] for folder in place.parents if str(folder) in mappings), None)


def _source(path: Path, inbox: Path) -> Source:
    return Source(str(path.relative_to(inbox)), path, within=inbox)


def _move_away(source: Source, state: FileState, landed: Landed, folder: Path) -> str | None:
    """Move a landed file away; returns the problem where that can't be done."""
    commit = landed.commit or landed.earlier
    day = commit.landed_at.astimezone(UTC).date() if commit else datetime.now(UTC).date()
    try:
        move_to_landed(source, state, folder, day)
    except (OSError, UnusableSource) as error:
        if source.path and not os.path.lexists(source.path):
            return None  # somebody else has moved it
        why = error.strerror if isinstance(error, OSError) else error.problem
        return f"has landed, but can't be moved to {folder}: {why}; move it out of the inbox yourself"
    return None

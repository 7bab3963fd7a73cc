"""The inbox: a folder that files are dropped into, to be landed and moved away.

Belongs here: which files are complete, landing each, and moving it after its commit. Not here: what a landing
does (`landing`), and when to look (Dagster's sensor, `factlog inbox`).

A file goes to `landed/<day>/` beside the inbox only once its commit is durable: a crash in between leaves
it in the inbox, and landing it again finds that its bytes have landed and adds nothing.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from event_archive.archive import Archive
from event_archive.decoding.sources import Source
from event_archive.landing.land import Landed, Limits, Progress, land
from event_archive.mapping.mapping import Mapping
from event_archive.store.durable import make_durable_folder, sync

SETTLED_AFTER_SECONDS = 2.0
PARTIAL_SUFFIXES = (".tmp", ".part", ".partial", ".crdownload")


def pending_files(inbox: Path, *, settled_after: float = SETTLED_AFTER_SECONDS) -> list[Path]:
    """The files in the inbox, and in folders in it, that nobody has written to for `settled_after` seconds.

    Names that begin with a dot, or end as partial files do (`.tmp`, `.part` …), are left alone: a producer
    that can't write in one go writes to such a name and renames the file when it is complete.
    """
    if not inbox.is_dir():
        return []
    latest = time.time() - settled_after
    return sorted(
        path for path in inbox.rglob("*") if _is_pending(path, inbox) and path.stat().st_mtime <= latest
    )


def land_inbox(
    archive: Archive,
    inbox: Path,
    *,
    mapping: Mapping | None = None,
    limits: Limits | None = None,
    settled_after: float = SETTLED_AFTER_SECONDS,
    progress: Progress | None = None,
) -> Iterator[Landed]:
    """Land every waiting file, one commit each; each is moved away before its result is given."""
    for path in pending_files(inbox, settled_after=settled_after):
        source = Source(str(path.relative_to(inbox)), path)
        landed = land(archive, source, mapping=mapping, limits=limits, progress=progress)
        _move_away(path, inbox)
        yield landed


def _is_pending(path: Path, inbox: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(inbox).parts)
    return path.is_file() and not hidden and not path.name.endswith(PARTIAL_SUFFIXES)


def _move_away(path: Path, inbox: Path) -> None:
    """Move a landed file beside the inbox, to a name that no other file has, durably."""
    folder = inbox.parent / "landed" / datetime.now(UTC).date().isoformat()
    make_durable_folder(folder)
    number, target = 1, folder / path.name
    while True:
        try:
            os.link(path, target)
            break
        except FileExistsError:
            number += 1
            target = folder / f"{path.stem}.{number}{path.suffix}"
    sync(folder)
    path.unlink()
    sync(path.parent)

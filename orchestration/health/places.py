"""What lies on the disk: whether it can be written, has room, is held by somebody, or was left behind.

Belongs here: looking at folders, locks and leftovers. Not here: what is in them (`doctor`, `status`), and
removing anything (`factlog clean`).
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from event_archive.store.local import has_archive
from event_archive.unnamed_files import unnamed_files
from event_archive.wording import agree, format_count
from orchestration.dataset.versions import versions
from orchestration.health.examined import NOTE, WELL, WRONG, Examined
from orchestration.health.status_report import size
from orchestration.settings import Settings
from orchestration.warehouse.lock import is_written_elsewhere, shared_lock

SPARE_BYTES = 200_000_000
SHOWN = 3
HELD_BY_HAND = "a process that takes no lock of factlog's, such as dbt by hand or a SQL tool"
OLD_SECONDS = 86_400.0
UNFINISHED = ("published/.*.unfinished", "dbt/.parse-*", "dbt/.*.unfinished", "scratch/replay-*")


def of_rights(settings: Settings) -> Iterator[Examined]:
    """Whether this user may read and write where all state lies."""
    if "home" in settings.unnamed:
        return
    places = [
        settings.home,
        settings.archive_root,
        *(settings.archive_root / part for part in ("log", "events", "scratch")),
        settings.inbox,
        settings.published,
        settings.dbt_target,
        settings.warehouse,
    ]
    closed = [place for place in places if place.exists() and not may_use(place)]
    for place in closed:
        yield Examined(
            "rights", WRONG, f"{place}: this user may not write to it", f"sudo chown -R $USER {place}"
        )
    if not closed:
        yield Examined("rights", WELL, f"{settings.home} can be written")


def may_use(place: Path) -> bool:
    """Whether this user may do with a file or folder what is done there."""
    return os.access(place, os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0))


def of_disk(settings: Settings) -> Iterator[Examined]:
    """Whether the next build has room: it writes the warehouse's changes, and a version beside the last."""
    home = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(home).free
    known = versions(settings)
    newest = known[-1].bytes if known else 0
    warehouse = settings.warehouse.stat().st_size if settings.warehouse.exists() else 0
    needed = warehouse + newest + SPARE_BYTES
    kept = ""
    if known:
        kept = f"; {format_count(len(known), 'version')} {agree(len(known), 'takes', 'take')} "
        kept += size(sum(version.bytes for version in known))
    if free < needed:
        what = f"{size(free)} are free at {home}, and a build may need {size(needed)}{kept}"
        yield Examined("disk", WRONG, what, "make room; `retention` in factlog.toml bounds old versions")
    else:
        yield Examined("disk", WELL, f"{size(free)} are free, and a build may need {size(needed)}{kept}")


def of_locks(settings: Settings) -> Iterator[Examined]:
    """Who holds the warehouse; the operating system frees a lock whose process has ended."""
    with shared_lock(settings) as locked_by:
        by_hand = locked_by is None and is_written_elsewhere(settings.warehouse)
    if holder := locked_by or HELD_BY_HAND * by_hand:
        yield Examined(
            "locks", NOTE, f"the warehouse is held by {holder}", "wait for it, or end that process"
        )
    else:
        yield Examined("locks", WELL, "nobody holds the warehouse")


def of_leftovers(settings: Settings) -> Iterator[Examined]:
    """What crashes left, and what nobody knows where it comes from."""
    if not has_archive(settings.archive_root):
        return
    archive = settings.open_archive(reads_contracts=False)
    unnamed, now = unnamed_files(archive), time.time()
    for name in unnamed.added[:SHOWN]:
        what = f"{settings.archive_root / name}: no commit names it, and no crash leaves it"
        yield Examined("leftovers", WRONG, what, "factlog verify, and look at the file")
    old = [name for name in unnamed.litter if archive.storage.age(name, now) >= OLD_SECONDS]
    if old:
        what = f"{format_count(len(old), 'file')} of landings that crashed, older than a day"
        yield Examined("leftovers", NOTE, what, "factlog clean")
    aside = [path for pattern in UNFINISHED for path in settings.home.glob(pattern)]
    stale = [path for path in aside if now - path.lstat().st_mtime >= OLD_SECONDS]
    if stale:
        what = f"{format_count(len(stale), 'unfinished file')} of builds that crashed, such as {stale[0]}"
        yield Examined("leftovers", NOTE, what, "the next refresh or replay removes them")
    if not (unnamed.added or old or stale):
        yield Examined("leftovers", WELL, "none")

"""Cleaning: removing the litter that interrupted landings left.

Belongs here: removing litter that is old. Not here: which files are litter (`unnamed_files`), anything that
the log names, and what no crash leaves: `verify` names it, and somebody has to look at it.
"""

import time
from datetime import timedelta

from event_archive.archive import Archive
from event_archive.store.folders import SCRATCH
from event_archive.unnamed_files import unnamed_files


def clean(archive: Archive, older_than: timedelta, *, dry_run: bool = False) -> list[str]:
    """Remove files that no entry of the log names and that are older than this; returns their names.

    Waits until no landing is under way in any process, since a landing's files are unnamed until it commits.
    """
    now = time.time()
    with archive.storage.writing(alone=True):
        litter = [
            name
            for name in unnamed_files(archive).litter
            if archive.storage.age(name, now) >= older_than.total_seconds()
        ]
        if not dry_run:
            for name in litter:
                archive.storage.remove(name)
            archive.storage.remove_empty_folders(SCRATCH)
    return litter

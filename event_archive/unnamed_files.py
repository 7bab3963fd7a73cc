"""Files that no commit names: the litter of a crash, told from what somebody added.

Belongs here: which of an archive's files these are, and which the product itself may have left. Not here: the
entries of the log, every one of which has to follow from the one before it, and the files that they name
(`verification`); removing litter (`clean`); whether an index of keys holds (`store.key_snapshot`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from event_archive.archive import Archive
from event_archive.store.commit import Commit
from event_archive.store.folders import (
    ANCHOR,
    CHECKED,
    EVENTS,
    KEYS,
    LOCK,
    LOG,
    NAMED_BY_COMMITS,
    SCRATCH,
)
from event_archive.store.storage import Storage

DIGEST = "[0-9a-f]{64}"
FOLDERS = [f"{folder}/[^/]+" if folder == EVENTS else folder for folder in NAMED_BY_COMMITS]
FINISHED = rf"(?:{'|'.join(FOLDERS)})/{DIGEST}\.parquet"
LITTER = re.compile(rf"{SCRATCH}/.+|{FINISHED}", re.DOTALL)
"""What a landing leaves that was killed before its commit: its work in scratch, and finished files."""

OWN = re.compile(
    rf"{re.escape(ANCHOR)}|{re.escape(LOCK)}|{re.escape(CHECKED)}|{LOG}/.*"
    rf"|{KEYS}/[0-9]{{20}}-{DIGEST}\.parquet",
    re.DOTALL,
)
"""What no commit names, and what is checked by itself."""

OF_FILE_SYSTEM = "lost+found"
"""The folder that a file system has at its root: the archive may have a disk of its own."""


@dataclass(frozen=True)
class UnnamedFiles:
    """Names of files in an archive. `added`: those that no crash leaves."""

    litter: Sequence[str]
    added: Sequence[str]


def unnamed_files(archive: Archive) -> UnnamedFiles:
    """Return the files that no commit names; raises UnusableInput where the log can't be read."""
    listed = every_file(archive.storage)  # before the log is: what lands meanwhile is in neither, or is named
    return sort_out(listed, archive.log.commits())


def every_file(storage: Storage) -> list[str]:
    """List every file that is in an archive, wherever it lies."""
    return [name for name in storage.names("") if name != OF_FILE_SYSTEM]


def sort_out(listed: Iterable[str], commits: Sequence[Commit]) -> UnnamedFiles:
    """Sort files out that were listed before the commits were read."""
    named = {path for commit in commits for path in commit.paths}
    unnamed = [name for name in listed if name not in named and not OWN.fullmatch(name)]
    litter = [name for name in unnamed if LITTER.fullmatch(name)]
    added = [name for name in unnamed if not LITTER.fullmatch(name)]
    return UnnamedFiles(litter, added)

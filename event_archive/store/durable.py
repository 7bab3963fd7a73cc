"""Durability on a local disk: when a call returns, what it did survives a loss of power.

Belongs here: bringing bytes and names to the disk, sealing what is finished, and the digest by which bytes
are known again. Not here: what is written and under which name (`local`, `publishing`).
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

READ_ONLY = 0o444


@contextlib.contextmanager
def named_in_faults(path: Path) -> Iterator[None]:
    """Let an OSError name a file: of an open file it says only what, not where."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex; raises OSError where it can't be read."""
    with named_in_faults(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_stamp(path: Path) -> str:
    """Return what the file system says of a file: another text once its bytes were changed, and for free.

    Not certain: a fault of the disk changes bytes alone. Raises OSError where there is no such file.
    """
    status = path.lstat()
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def sync(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with named_in_faults(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def seal(finished: Path) -> None:
    """Let nobody write to a finished file any more, whatever the umask, and bring its bytes to the disk."""
    descriptor = os.open(finished, os.O_RDONLY)
    try:
        with named_in_faults(finished):
            os.fchmod(descriptor, READ_ONLY)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_into_place(finished: Path, target: Path) -> None:
    """Durably move a finished file to `target`, in one step and sealed; what was there before is gone.

    Both are on one file system, and the folder of `target` exists.
    """
    seal(finished)
    finished.replace(target)
    sync(target.parent)


def make_durable_folder(folder: Path) -> None:
    """Durably make a folder, and what is missing of the folders above it; it may be there already.

    The name of a folder is on the disk before anything is made in it. So of one that is there only its own
    name can still be missing there, where whoever made it crashed just then.
    """
    if folder.is_dir():
        # Whoever may not list the folder above has not made this one.
        with contextlib.suppress(PermissionError):
            sync(folder.parent)
        return
    make_durable_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)

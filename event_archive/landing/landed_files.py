"""The folder `landed/` beside the inbox: where files go once their events are in the archive.

Belongs here: moving one there, durably, such that however often that is interrupted and repeated it ends with
one copy, on whichever file systems the two folders lie. Not here: when (`inbox`).
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from event_archive.decoding.dropped_file import open_folder_below
from event_archive.decoding.sources import Source, digest_of
from event_archive.errors import UnusableSource
from event_archive.store.durable import file_digest, make_durable_folder, sync

LOCK, UNFINISHED = ".lock", ".unfinished"


@dataclass(frozen=True)
class FileState:
    """What tells whether a file is still the one that was read: another one, or more bytes, differ in it.

    The time of change is the kernel's: nobody can set it, and another file may get the same inode.
    """

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def read_state(source: Source) -> FileState:
    """Return the state of a file in the inbox; raises UnusableSource where it can't be opened."""
    with closing(source.open()) as file:
        return _state(os.fstat(file.fileno()))


def move_to_landed(source: Source, state: FileState, landed: Path, day: date) -> None:
    """Move a file out of the inbox to `landed/<day>/`, to a name that no other content has.

    One that is gone, or that differs from the `state` in which it was read, stays: somebody else moved it, or
    wrote to it, and what they wrote has not landed. Raises OSError where it can't be moved.
    """
    assert source.path and source.within
    folder = landed / day.isoformat()
    unfinished = folder / UNFINISHED
    make_durable_folder(folder)
    with _alone(landed), _opened(source.path.parent, source.within) as inbox:
        name = source.path.name
        unfinished.unlink(missing_ok=True)  # of a crash: there is no other that moves
        if not _is_unchanged(inbox, name, state):
            return
        target = _free_name(folder, source)
        if target and _rename(inbox, name, target):
            return
        if target:
            _copy(source, unfinished)
        if not _is_unchanged(inbox, name, state):
            unfinished.unlink(missing_ok=True)
            return
        if target:
            unfinished.rename(target)
            sync(folder)
        # The content is in `landed/`, from now or from before a crash: here it can go.
        os.unlink(name, dir_fd=inbox)
        os.fsync(inbox)


@contextmanager
def _alone(landed: Path) -> Iterator[None]:
    """Hold the lock of `landed/`: a free name stays free. It is the kernel's, and ends with the process."""
    with (landed / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(folder: Path, within: Path) -> Iterator[int]:
    """Hold a folder open: what is renamed and removed in it is in that folder, whatever has its name now."""
    descriptor = open_folder_below(folder, within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _state(status: os.stat_result) -> FileState:
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _is_unchanged(folder: int, name: str, state: FileState) -> bool:
    try:
        return _state(os.stat(name, dir_fd=folder, follow_symlinks=False)) == state
    except FileNotFoundError:
        return False


def _free_name(folder: Path, source: Source) -> Path | None:
    """Return a name that nothing has, or None where one of the same name has the same content already."""
    assert source.path
    number, target = 1, folder / source.path.name
    while os.path.lexists(target):
        is_as_long = target.is_file() and target.stat().st_size == source.size
        if is_as_long and file_digest(target) == digest_of(source):
            return None
        number += 1
        target = folder / f"{source.path.stem}.{number}{source.path.suffix}"
    return target


def _rename(folder: int, name: str, target: Path) -> bool:
    """Move in one step, so that no crash leaves two copies; False where that can't be done."""
    try:
        os.rename(name, target, src_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    sync(target.parent)
    os.fsync(folder)
    return True


def _copy(source: Source, target: Path) -> None:
    """Copy to another file system, with mode and time; all the bytes are on the disk then."""
    try:
        with closing(source.open()) as file, target.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            status = os.fstat(file.fileno())
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode) & 0o777)
            copy.flush()
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(copy.fileno())
    except (OSError, UnusableSource):
        target.unlink(missing_ok=True)
        raise

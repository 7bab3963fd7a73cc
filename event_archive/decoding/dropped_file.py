"""What somebody else put into a folder: files are opened, and nothing that only looks like one.

Belongs here: all that lies below a folder, what it is if it is no file, and walking down to a file without
following a link. Not here: which files of a folder are wanted (`landing.inbox_listing`), and reading them
(`sources`).

Whoever may write into a folder must not decide what else is read: a link could name any file that this
process may read, a named pipe would wait for ever, and opening a device can do something. A hard link is a
file like any other: only whoever may read and write a file (or owns it) can make one, says Linux
(`fs.protected_hardlinks`), and producers make them to drop a file in one step.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


@dataclass(frozen=True)
class FolderEntry:
    """Something below a folder. `kind`: what it is, if it is no file; `fault`: why nobody can tell."""

    path: Path
    kind: str | None = None
    modified_ns: int = 0
    fault: str | None = None


def entries_below(folder: Path) -> Iterator[FolderEntry]:
    """All that lies below a folder, in no order: not the folders, and nothing whose name begins with a dot.

    No link is followed. A folder that can't be listed is given itself.
    """
    folders = [folder]
    while folders:
        looked_in = folders.pop()
        try:
            with os.scandir(looked_in) as listed:
                names = [entry.name for entry in listed if not entry.name.startswith(".")]
        except OSError as error:
            yield FolderEntry(looked_in, fault=f"can't be listed: {error.strerror}")
            continue
        for path in (looked_in / name for name in names):
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            except OSError as error:
                yield FolderEntry(path, fault=f"can't be looked at: {error.strerror}")
                continue
            if stat.S_ISDIR(status.st_mode):
                folders.append(path)
            else:
                yield FolderEntry(path, kind_if_no_file(status.st_mode), status.st_mtime_ns)


def kind_if_no_file(mode: int) -> str | None:
    """Return what has this mode (`st_mode`), in words; None: it is a file."""
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "something else")


def open_folder_below(folder: Path, within: Path) -> int:
    """Open a folder that is `within` or lies below it; returns its descriptor. Raises OSError for a link."""
    descriptor = os.open(within, FOLDER)
    for part in folder.relative_to(within).parts:
        try:
            inner = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def open_file_below(path: Path, within: Path) -> int:
    """Open a file below a folder for reading; returns its descriptor. Raises OSError for what is no file."""
    folder = open_folder_below(path.parent, within)
    try:
        # Before it is opened, as opening a device can do something; and after, as it may be another one.
        _check_is_file(os.stat(path.name, dir_fd=folder, follow_symlinks=False))
        descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        _check_is_file(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_is_file(status: os.stat_result) -> None:
    if kind := kind_if_no_file(status.st_mode):
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")

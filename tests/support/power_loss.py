"""A loss of power: what of a folder would be there afterwards, at each moment when the disk was waited for.

Belongs here: the least that the file system promises. A name is on the disk once its folder was synced, the
bytes of a file once the file was. Not here: processes that are killed (`crash`), which lose nothing of this.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Bytes = tuple[int, int]


class Disk:
    """What would be left of what lies below `top`. All of it is on the disk now, but for the names `lost`."""

    def __init__(self, top: Path, lost: Iterable[Path] = ()) -> None:
        self._names: dict[Path, dict[str, int]] = {}
        self._bytes: dict[int, Bytes] = {}
        for path in [top, *top.rglob("*")]:
            self._sync(path)
        for path in lost:
            del self._names[path.parent][path.name]
        self._top = top

    def has(self, path: Path) -> bool:
        """Whether a file or folder would be left, under this name and with all of its bytes."""
        if path == self._top:
            return True
        if not os.path.lexists(path) or not self.has(path.parent):
            return False
        status = path.lstat()
        if self._names.get(path.parent, {}).get(path.name) != status.st_ino:
            return False
        has_bytes = self._bytes.get(status.st_ino) == (status.st_size, status.st_mtime_ns)
        return path.is_dir() or path.is_symlink() or has_bytes

    def lacks(self, folder: Path) -> list[Path]:
        """What is in a folder, at any depth, and would not be left."""
        return [path for path in [folder, *sorted(folder.rglob("*"))] if not self.has(path)]

    @contextmanager
    def watched(self, after_each: Callable[["Disk"], None] = lambda disk: None) -> Iterator[None]:
        """Call `after_each` whenever something was synced."""

        fsync = os.fsync

        def watched_fsync(descriptor: int) -> None:
            fsync(descriptor)
            self._sync(Path(f"/proc/self/fd/{descriptor}").readlink())
            after_each(self)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "fsync", watched_fsync)
            yield

    def _sync(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            self._names[path] = {entry.name: entry.inode() for entry in os.scandir(path)}
        elif path.is_file():
            status = path.stat()
            self._bytes[status.st_ino] = status.st_size, status.st_mtime_ns

"""The local storage: an archive whose names are files below one folder.

Belongs here: names as paths, and atomic, exclusive writing by the calls of a POSIX file system. Not here:
what every storage promises (`storage`), and how bytes get to the disk (`durable`).
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from event_archive.errors import UnusableInput
from event_archive.store.durable import file_digest, make_durable_folder, move_into_place, sync
from event_archive.store.folders import SCRATCH

READABLE = 0o644


class LocalStorage:
    """Names are files below one folder, durable (fsync of file and folder) when a call returns."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable_folders = {root}
        try:
            make_durable_folder(root / SCRATCH)
        except OSError as error:
            raise UnusableInput(f"{root}: the archive can't be made here: {error.strerror}") from error

    def _path(self, name: str) -> Path:
        path = self.root / name
        if ".." in path.parts or not path.is_relative_to(self.root):
            raise ValueError(f"not a name inside the archive: {name!r}")
        return path

    def _make_folder_of(self, path: Path) -> None:
        """Make the folder of a name; once for each folder, because every sync waits for the disk."""
        folder = path.parent
        if folder not in self._durable_folders or not folder.is_dir():
            make_durable_folder(folder)
            self._durable_folders.add(folder)

    def _write_scratch(self, content: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self.root / SCRATCH)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, READABLE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)

    def create(self, name: str, content: bytes) -> bool:
        """See `Storage.create`. A hard link is the one POSIX call that is both atomic and exclusive."""
        path = self._path(name)
        self._make_folder_of(path)
        temporary = self._write_scratch(content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        sync(path.parent)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """See `Storage.replace`."""
        path = self._path(name)
        self._make_folder_of(path)
        self._write_scratch(content).replace(path)
        sync(path.parent)

    def adopt(self, file: Path, name: str) -> None:
        """See `Storage.adopt`."""
        path = self._path(name)
        self._make_folder_of(path)
        move_into_place(file, path)

    def read(self, name: str) -> bytes:
        """See `Storage.read`."""
        return self._path(name).read_bytes()

    def digest(self, name: str) -> str:
        """See `Storage.digest`."""
        return file_digest(self._path(name))

    def names(self, folder: str) -> list[str]:
        """See `Storage.names`."""
        base = self._path(folder)
        return sorted(str(path.relative_to(self.root)) for path in base.rglob("*") if not path.is_dir())

    def age(self, name: str, now: float) -> float:
        """See `Storage.age`."""
        return now - self._path(name).stat().st_mtime

    def remove(self, name: str) -> None:
        """See `Storage.remove`."""
        self._path(name).unlink(missing_ok=True)

    def remove_empty_folders(self, folder: str) -> None:
        """See `Storage.remove_empty_folders`."""
        for path in sorted(self._path(folder).rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()

    def location(self, name: str) -> str:
        """See `Storage.location`."""
        return str(self._path(name))

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """See `Storage.scratch`."""
        with tempfile.TemporaryDirectory(dir=self.root / SCRATCH) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[None]:
        """See `Storage.writing`. The lock is the kernel's: it ends with the process, however that ends."""
        with (self.root / SCRATCH / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

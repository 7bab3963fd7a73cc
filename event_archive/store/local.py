"""Where the archive's bytes live: one small interface, and the local file system behind it.

Belongs here: making bytes durable, atomic and visible under a name. Not here: what the bytes mean (`log`,
`segments`, `quarantine`) and any decision about what to keep.

A name is a relative path with forward slashes (`log/00000000000000000042.json`). Two ways to make one:
`create` is create-if-absent, the primitive that commits rest on; `adopt` moves a finished file to a name made
from its content, so that doing it twice is the same as doing it once.
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from event_archive.errors import UnusableInput

SCRATCH = "scratch"
READABLE = 0o644


class Storage(Protocol):
    """What the archive asks of a place that keeps bytes."""

    def create(self, name: str, content: bytes) -> bool:
        """Durably create `name` with all of `content`, or return False where the name is taken."""

    def replace(self, name: str, content: bytes) -> None:
        """Durably set `name` to `content`; readers see the old bytes or the new ones, never a mixture."""

    def adopt(self, file: Path, name: str) -> None:
        """Durably move a finished file from `scratch` to `name`."""

    def read(self, name: str) -> bytes:
        """All bytes of `name`; raises FileNotFoundError."""

    def digest(self, name: str) -> str:
        """SHA-256 of the bytes of `name`, in hex; raises FileNotFoundError."""

    def names(self, folder: str) -> list[str]:
        """Every name below `folder`, sorted; empty where there is none."""

    def age(self, name: str, now: float) -> float:
        """Seconds from the last change of `name` to `now` (seconds since the epoch)."""

    def remove(self, name: str) -> None:
        """Remove `name` if it is there."""

    def remove_empty_folders(self, folder: str) -> None:
        """Remove the folders below `folder` that hold nothing."""

    def location(self, name: str) -> str:
        """What a query engine opens to read `name`."""

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for files on their way to `adopt`; it is gone afterwards."""

    def writing(self, *, alone: bool = False) -> contextlib.AbstractContextManager[None]:
        """Hold the right to add names; `alone` excludes every other holder (for removing litter)."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's bytes survive power loss."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class LocalStorage:
    """Names are files below one folder, durable (fsync of file and folder) when a call returns."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            (root / SCRATCH).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnusableInput(f"{root}: the archive can't be made here: {error.strerror}") from error

    def _path(self, name: str) -> Path:
        path = self.root / name
        if ".." in path.parts or not path.is_relative_to(self.root):
            raise ValueError(f"not a name inside the archive: {name!r}")
        return path

    def _folder_of(self, path: Path) -> Path:
        """The folder of `path`; a new one is made durable up to the root before anything is put in it."""
        folder = path.parent
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            for parent in (folder, *folder.parents):
                sync_folder(parent)
                if parent == self.root:
                    break
        return folder

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
        folder = self._folder_of(path)
        temporary = self._write_scratch(content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        sync_folder(folder)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """See `Storage.replace`."""
        path = self._path(name)
        folder = self._folder_of(path)
        self._write_scratch(content).replace(path)
        sync_folder(folder)

    def adopt(self, file: Path, name: str) -> None:
        """See `Storage.adopt`."""
        path = self._path(name)
        folder = self._folder_of(path)
        sync_file(file)
        file.replace(path)
        sync_folder(folder)

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

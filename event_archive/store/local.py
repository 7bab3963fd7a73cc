"""The local storage: an archive whose names are files below one folder.

Belongs here: names as paths, and atomic, exclusive writing by the calls of a POSIX file system. Not here:
what every storage promises (`storage`), and how bytes get to the disk (`durable`).
"""

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from event_archive.errors import UnusableInput
from event_archive.store.durable import (
    file_digest,
    file_stamp,
    make_durable_folder,
    move_into_place,
    named_in_faults,
    seal,
    sync,
)
from event_archive.store.folders import LOCK, PARTS, SCRATCH


def has_archive(root: Path) -> bool:
    """Whether a folder holds any part of an archive."""
    return any((root / part).exists() for part in PARTS)


def _link(file: Path, name: Path) -> bool:
    """Give a file another name; False where that is taken."""
    try:
        os.link(file, name)
    except FileExistsError:
        return False
    return True


def _regular(path: Path) -> Path:
    """Return the path of a file that can be read to its end: a pipe or a device would never come to one."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "Is no regular file", str(path))
    return path


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield all that is below a folder and is none itself; links are not followed.

    A folder below it that can't be looked into is given by its own name, so that nobody takes it for empty.
    """
    unreadable: list[str] = []

    def note(error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return  # it was removed meanwhile, or is a file
        if error.filename == str(folder):
            raise error
        unreadable.append(error.filename)

    for base, folders, files in os.walk(folder, onerror=note):
        yield from (path for name in folders if (path := Path(base, name)).is_symlink())
        yield from (Path(base, name) for name in files)
    yield from map(Path, unreadable)


class LocalStorage:
    """Names are read-only files below one folder, durable (fsync of file and folder) when a call returns.

    An archive is where at least one of its parts is: an empty folder is a disk that is not mounted. To open
    one writes nothing; `may_create`: make the folder where there is none.
    """

    def __init__(self, root: Path, *, may_create: bool = False) -> None:
        self.root = root
        self._durable_folders = {root}
        if not may_create:
            self.require()
            return
        try:
            make_durable_folder(root / SCRATCH)
        except OSError as error:
            raise UnusableInput(f"{root}: the archive can't be made here: {error.strerror}") from error

    def require(self) -> None:
        """See `Storage.require`."""
        if not has_archive(self.root):
            raise UnusableInput(
                f"{self.root}: there is no archive here; mount its disk, or let FACTLOG_HOME name the folder "
                "that holds it. To begin a new one, land events: factlog land PATH"
            )

    @property
    def _scratch(self) -> Path:
        """The folder of scratch, which a copy of an archive need not have; never made where no archive is."""
        folder = self.root / SCRATCH
        if not folder.is_dir():
            self.require()
            make_durable_folder(folder)
        return folder

    def _path(self, name: str) -> Path:
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"not a name inside the archive: {name!r}")
        return self.root / name

    def _make_folder_of(self, path: Path) -> None:
        """Make the folder of a name; once for each folder, because every sync waits for the disk."""
        folder = path.parent
        if folder not in self._durable_folders or not folder.is_dir():
            make_durable_folder(folder)
            self._durable_folders.add(folder)

    def _write_scratch(self, content: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self._scratch)
        with named_in_faults(Path(name)), os.fdopen(descriptor, "wb") as file:
            file.write(content)
        seal(Path(name))
        return Path(name)

    def create(self, name: str, content: bytes) -> bool:
        """See `Storage.create`. A hard link is the one POSIX call that is both atomic and exclusive."""
        path = self._path(name)
        temporary = self._write_scratch(content)
        try:
            self._make_folder_of(path)
            is_new = _link(temporary, path)
        finally:
            temporary.unlink()
        if is_new:
            sync(path.parent)
        return is_new

    def replace(self, name: str, content: bytes) -> None:
        """See `Storage.replace`."""
        path = self._path(name)
        temporary = self._write_scratch(content)
        self._make_folder_of(path)
        temporary.replace(path)
        sync(path.parent)

    def adopt(self, file: Path, name: str) -> None:
        """See `Storage.adopt`."""
        path = self._path(name)
        self._make_folder_of(path)
        move_into_place(file, path)

    def read(self, name: str) -> bytes:
        """See `Storage.read`."""
        path = _regular(self._path(name))
        with named_in_faults(path):
            return path.read_bytes()

    def digest(self, name: str) -> str:
        """See `Storage.digest`."""
        return file_digest(_regular(self._path(name)))

    def stamp(self, name: str) -> str:
        """See `Storage.stamp`."""
        return file_stamp(self._path(name))

    def names(self, folder: str) -> list[str]:
        """See `Storage.names`."""
        above = str(self.root).rstrip("/") + "/"
        return sorted(str(path).removeprefix(above) for path in _files_below(self._path(folder)))

    def age(self, name: str, now: float) -> float:
        """See `Storage.age`."""
        return now - self._path(name).lstat().st_mtime

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
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[None]:
        """See `Storage.writing`. The lock is the kernel's: it ends with the process, however that ends."""
        with (self._scratch / Path(LOCK).name).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield

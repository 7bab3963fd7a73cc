"""Files that are read only while they are what they were committed as.

Belongs here: comparing a file with its SHA-256 before it is read, and remembering what was compared.
Not here: which files there are (`commit`), and what else holds of them (`verification`).

To hash whatever is read would take longer than to read it. So a file's bytes are hashed once, and from then
on its stamp (size, times, inode) is compared each time, which is free. They are hashed again where the stamp
is another one, and for whoever has to know for sure. What was compared is kept in a file that may be lost:
then everything is hashed again.
"""

import contextlib
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from event_archive.errors import UnusableInput
from event_archive.store.durable import file_digest, file_stamp

THREADS = 2
SPARE_LINES = 1000


class NamedFile(Protocol):
    """A file as somebody vouches for it: its name and the SHA-256 of its bytes."""

    @property
    def path(self) -> str: ...  # noqa: D102

    @property
    def sha256(self) -> str: ...  # noqa: D102


class HashedPlace(Protocol):
    """Where files lie: a storage, or a folder."""

    def location(self, name: str) -> str:
        """What is opened to read `name`."""

    def digest(self, name: str) -> str:
        """SHA-256 of the bytes of `name`, in hex; raises OSError."""

    def stamp(self, name: str) -> str:
        """What is another text once the bytes of `name` were changed; raises OSError."""


class Folder:
    """Files in one folder, by their names in it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def location(self, name: str) -> str:
        """See `HashedPlace.location`."""
        return str(self._root / name)

    def digest(self, name: str) -> str:
        """See `HashedPlace.digest`."""
        return file_digest(self._root / name)

    def stamp(self, name: str) -> str:
        """See `HashedPlace.stamp`."""
        return file_stamp(self._root / name)


class CheckedFiles:
    """The files of one place; `record`: where what was compared is kept. `what_to_do`: with a changed one."""

    def __init__(self, place: HashedPlace, record: Path, what_to_do: str) -> None:
        self._place = place
        self._record = record
        self._what_to_do = what_to_do
        self._seen: dict[str, str] = {}
        self._read_until: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def location(self, file: NamedFile) -> str:
        """Return what is opened to read a file; raises UnusableInput where it is not what it should be."""
        return self.locations([file])[0]

    def locations(self, files: Iterable[NamedFile]) -> list[str]:
        """Return what is opened to read these files; raises UnusableInput where one was changed."""
        listed = list(files)
        if not self._seen:
            self._read_record()
        unknown = [file for file in listed if not self._is_known(file)]
        if unknown and self._read_record():
            unknown = [file for file in unknown if not self._is_known(file)]
        self._require(unknown)
        return [self._place.location(file.path) for file in listed]

    def read_anew(self, files: Iterable[NamedFile]) -> None:
        """Hash all of these files, whatever was compared before; raises UnusableInput where one was changed.

        For whoever derives everything from them: a fault of the disk changes bytes, and no stamp.
        """
        self._require(list(files))

    def problem(self, file: NamedFile) -> str | None:
        """Return what is wrong with a file, by its bytes; None where nothing is."""
        try:
            before = self._place.stamp(file.path)
            digest = self._place.digest(file.path)
            if digest == file.sha256 and self._place.stamp(file.path) == before:
                self._note({file.path: f"{digest} {before}"})
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"can't be read: {error.strerror}"
        except ValueError as error:
            return str(error)
        return None if digest == file.sha256 else "its bytes were changed: the SHA-256 is another"

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file: as it was noted, or hashed now; raises OSError where it can't be."""
        stamp = self._place.stamp(name)
        self._read_record()
        noted, _, stamp_then = self._seen.get(name, "").partition(" ")
        if stamp_then == stamp:
            return noted
        digest = self._place.digest(name)
        if self._place.stamp(name) == stamp:
            self._note({name: f"{digest} {stamp}"})
        return digest

    def note(self, files: Iterable[NamedFile]) -> None:
        """Remember these files as they are: whoever calls this has just hashed and sealed them."""
        with contextlib.suppress(OSError):
            self._note({file.path: f"{file.sha256} {self._place.stamp(file.path)}" for file in files})

    def _is_known(self, file: NamedFile) -> bool:
        try:
            return self._seen.get(file.path) == f"{file.sha256} {self._place.stamp(file.path)}"
        except OSError:
            return False  # hashing it will say why

    def _require(self, files: Sequence[NamedFile]) -> None:
        if not files:
            return
        with ThreadPoolExecutor(THREADS) as threads:
            problems = list(threads.map(self.problem, files))
        wrong = [(file, problem) for file, problem in zip(files, problems, strict=True) if problem]
        if wrong:
            (first, problem), others = wrong[0], len(wrong) - 1
            more = f" (and {others} more)" if others else ""
            where = self._place.location(first.path)
            raise UnusableInput(f"{where}{more}: {problem}; {self._what_to_do}")

    def _note(self, seen: dict[str, str]) -> None:
        with self._lock:
            new = {name: text for name, text in seen.items() if self._seen.get(name) != text}
            self._seen |= new
            if new:
                # Who may only read remembers it for itself.
                with contextlib.suppress(OSError), self._record.open("ab") as record:
                    record.write(_lines(new))

    def _read_record(self) -> bool:
        """Read what others have compared; False where there is nothing new."""
        with self._lock:
            try:
                with self._record.open("rb") as record:
                    status = os.fstat(record.fileno())
                    if self._read_until == (status.st_ino, status.st_size):
                        return False
                    lines = record.read().decode("utf-8", "replace").split("\n")
            except OSError:
                return False
            self._read_until = status.st_ino, status.st_size
            pairs = (line.split("\t") for line in lines)
            # A line that a crash or another writer cut is like no stamp that a file has.
            self._seen |= {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
            if len(lines) > 2 * len(self._seen) + SPARE_LINES:
                self._shorten()
            return True

    def _shorten(self) -> None:
        """Write the last line of each file alone; what others note meanwhile is hashed again."""
        shorter = self._record.with_name(f"{self._record.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            shorter.write_bytes(_lines(self._seen))
            shorter.replace(self._record)


def _lines(seen: dict[str, str]) -> bytes:
    return "".join(f"{name}\t{text}\n" for name, text in seen.items()).encode()

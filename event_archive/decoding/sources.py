"""What can be landed: files, folders and standard input, and their bytes with a digest.

Belongs here: finding the inputs that paths name, and reading one while its SHA-256 is taken. Not here: what
the bytes hold (`decompress`, `formats`).
"""

import hashlib
import io
import os
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from event_archive.decoding.dropped_file import entries_below, open_file_below
from event_archive.errors import UnusableInput, UnusableSource

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STANDARD_INPUT = 0


@dataclass(frozen=True)
class Source:
    """One input to land. `path` is None for standard input; `origin`: its name in the log.

    `within`: the folder that somebody dropped it in; it is read if it is a file and no link leads to it. A
    path that the user named is followed wherever it leads.
    """

    origin: str
    path: Path | None
    within: Path | None = None

    def __post_init__(self) -> None:
        # The log is UTF-8; a file's name may be any bytes, which Python writes with lone surrogates.
        written = self.origin.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        object.__setattr__(self, "origin", written)

    def open(self) -> BinaryIO:
        """Open the bytes, from the start; raises UnusableSource, and so does reading them."""
        try:
            return io.BufferedReader(_SourceFile(self._descriptor(), self.origin))
        except OSError as error:
            raise _unreadable(self.origin, error) from error

    def _descriptor(self) -> int:
        if self.path is None:
            return os.dup(STANDARD_INPUT)
        return open_file_below(self.path, self.within) if self.within else os.open(self.path, os.O_RDONLY)

    @property
    def can_be_read_again(self) -> bool:
        """Whether it gives the same bytes each time: a file does, a pipe does not."""
        return self.path is not None and self.path.is_file()

    @property
    def size(self) -> int:
        """How many bytes it has; 0 for what can't be read again, which has no size. Raises UnusableSource."""
        try:
            return self.path.stat().st_size if self.path and self.can_be_read_again else 0
        except OSError as error:
            raise _unreadable(self.origin, error) from error


class _SourceFile(io.FileIO):
    """A file that says which source it is of, where the disk or the network can't give its bytes."""

    def __init__(self, descriptor: int, origin: str) -> None:
        super().__init__(descriptor)
        self._origin = origin

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise _unreadable(self._origin, error) from error


def _unreadable(origin: str, error: OSError) -> UnusableSource:
    return UnusableSource(origin, f"can't be read: {error.strerror}")


class HashingReader:
    """A byte stream that knows the SHA-256 and the number of the bytes that were read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self._fresh = memoryview(b"")
        self.bytes = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; empty at the end."""
        self._sha256.update(self._fresh)
        block = self._file.read(size)
        self._fresh = memoryview(block)
        self.bytes += len(block)
        return block

    def read_into(self, memory: memoryview) -> memoryview:
        """Return what `read` does, as the start of the memory that is given."""
        self._sha256.update(self._fresh)
        self._fresh = memory[: self._file.readinto(memory)]  # type: ignore[attr-defined]
        self.bytes += len(self._fresh)
        return self._fresh

    def put_back(self, count: int) -> None:
        """Put back the last `count` bytes of what was just read."""
        if count:
            self._file.seek(-count, os.SEEK_CUR)
            self._fresh = self._fresh[:-count]
            self.bytes -= count

    def read_to_end(self) -> None:
        """Read what nobody wanted to decode, so that the digest is of all the bytes."""
        while self.read(1 << 20):
            pass

    def digest(self) -> str:
        """Return the SHA-256 of what was read so far, in hex."""
        self._sha256.update(self._fresh)
        self._fresh = memoryview(b"")
        return self._sha256.hexdigest()


def find_sources(paths: Iterable[str]) -> list[Source]:
    """Return the inputs at these paths: files, folders (all files below, sorted), `-` for standard input.

    The user's own links are followed, and a named pipe is read to its end. Raises UnusableInput for a path
    that is not there, and for one that can't be landed: a device, a socket; and inside of a folder a link to
    another folder, a pipe, or what can't be listed.
    """
    sources: list[Source] = []
    for name in paths:
        path = Path(name)
        if name == "-":
            sources.append(Source("standard input", None))
        elif path.is_dir():
            sources.extend(Source(str(file), file) for file in _files_below(path))
        elif path.is_file() or path.is_fifo():
            sources.append(Source(name, path))
        else:
            what = "is neither a file nor a folder" if path.exists() else "is not there"
            raise UnusableInput(f"{name}: {what}; name files, folders, or - for standard input")
    return sources


def _files_below(folder: Path) -> list[Path]:
    """The files below a folder, sorted; raises UnusableInput for what would be left out without a word."""
    found = sorted(entries_below(folder), key=lambda entry: entry.path)
    for entry in found:
        if fault := entry.fault or (None if entry.path.is_file() else f"is {entry.kind}"):
            raise UnusableInput(
                f"{entry.path}: {fault}; name the files to land, or take it out of the folder"
            )
    return [entry.path for entry in found]


def known_size(source: Source) -> int:
    """Return how many bytes a source has, 0 where that can't be told: its landing says what is wrong."""
    try:
        return source.size
    except UnusableSource:
        return 0


def digest_of(source: Source) -> str:
    """Return the SHA-256 of all bytes of a source, in hex; raises UnusableInput."""
    with closing(source.open()) as file:
        stream = HashingReader(file)
        stream.read_to_end()
        return stream.digest()

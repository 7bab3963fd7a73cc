"""What can be landed: files, folders and standard input, and their bytes with a digest.

Belongs here: finding the inputs that paths name, and reading one while its SHA-256 is taken. Not here: what
the bytes hold (`decompress`, `formats`).
"""

import hashlib
import os
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from event_archive.errors import UnusableInput


@dataclass(frozen=True)
class Source:
    """One input to land. `path` is None for standard input; `origin`: its name in the log."""

    origin: str
    path: Path | None

    def __post_init__(self) -> None:
        # The log is UTF-8; a file's name may be any bytes, which Python writes with lone surrogates.
        written = self.origin.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        object.__setattr__(self, "origin", written)

    def open(self) -> BinaryIO:
        """Open the bytes, from the start; raises UnusableInput."""
        if self.path is None:
            return sys.stdin.buffer
        try:
            return self.path.open("rb")
        except OSError as error:
            raise UnusableInput(f"{self.origin}: can't be read: {error.strerror}") from error


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

    Raises UnusableInput for a path that is not there, and for one that can't be landed (a device, a socket).
    """
    sources: list[Source] = []
    for name in paths:
        path = Path(name)
        if name == "-":
            sources.append(Source("standard input", None))
        elif path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file, path))
            sources.extend(Source(str(file), file) for file in files)
        elif path.is_file():
            sources.append(Source(name, path))
        else:
            what = "is neither a file nor a folder" if path.exists() else "is not there"
            raise UnusableInput(f"{name}: {what}; name files, folders, or - for standard input")
    return sources


def _hidden(file: Path, below: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(below).parts)


def digest_of(source: Source) -> str:
    """Return the SHA-256 of all bytes of a source, in hex; raises UnusableInput."""
    with closing(source.open()) as file:
        stream = HashingReader(file)
        stream.read_to_end()
        return stream.digest()

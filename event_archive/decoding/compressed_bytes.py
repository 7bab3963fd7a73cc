"""The compressed bytes of an input, on their way into a decompressor, and where they can't be read on.

Belongs here: holding what was read and gave nothing yet, so that no byte is lost where decoding ends early.
Not here: the compressions (`gzip_members`, `zstd_frames`), and what becomes of the bytes that are left.
"""

from collections.abc import Iterator
from typing import Protocol

READ_BYTES = 1 << 20


class Readable(Protocol):
    """Anything to read bytes from."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; empty at the end."""

    def read_into(self, memory: memoryview) -> memoryview:
        """Return what `read` does, as the start of the memory that is given."""

    def put_back(self, count: int) -> None:
        """Put back the last `count` bytes of what was just read."""


class CompressedBytes:
    """The bytes of a compressed stream from `offset` on, of which some are held.

    What a decompressor has taken all from is dropped; all else is there to be kept as it came.
    """

    def __init__(self, start: bytes, stream: Readable) -> None:
        self._stream = stream
        self._data = start
        self._at = 0
        self.offset = 0

    def holds(self, count: int) -> bool:
        """Whether there are `count` more bytes; then they are held."""
        return len(self.peek(count)) == count

    def peek(self, count: int, behind: int = 0) -> bytes:
        """Return `count` bytes, `behind` those that are next, or as many as there are; none is dropped."""
        while len(self._data) - self._at < behind + count:
            block = self._stream.read(READ_BYTES)
            if not block:
                break
            self._data, self._at = self._data[self._at :] + block, 0
        return self._data[self._at + behind : self._at + behind + count]

    def drop(self, count: int) -> None:
        """Drop the next bytes: all that they hold is decoded."""
        self._at += count
        self.offset += count

    def pieces(self) -> Iterator[bytes]:
        """Yield and drop all bytes that are left, as they came."""
        while piece := self.peek(READ_BYTES):
            self.drop(len(piece))
            yield piece


class Undecodable(Exception):
    """The stream ends, or can't be read on, before it is complete; the message says where and why.

    `rest`: the bytes that gave nothing; all before them are decoded.
    """

    def __init__(self, message: str, rest: CompressedBytes) -> None:
        super().__init__(message)
        self.rest = rest

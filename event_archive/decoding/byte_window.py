"""The decoded bytes of an input: blocks of bounded size, and a window that moves over them.

Belongs here: holding no more of a stream than is asked for, and passing over the rest in parts. Not here:
decompression (`decompress`), and what the bytes mean (`formats`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from event_archive.decoding.compressed_bytes import Readable, Undecodable
from event_archive.decoding.decompress import decompressed, is_compressed
from event_archive.decoding.record_chunk import PART_BYTES, ChunkBounds, UnreadableRecord


@dataclass(frozen=True)
class InputStart:
    """The first bytes of an input, decompressed: as many as a chunk, or all there are (`is_all`)."""

    data: bytes
    is_all: bool
    bounds: ChunkBounds


class DecodesToTooMuch(Exception):
    """An input decodes to more than `bound` bytes."""

    def __init__(self, bound: int) -> None:
        super().__init__(f"it decodes to more than {bound} bytes")
        self.bound = bound


class Meter:
    """Counts what an input decodes to, up to a bound."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._count = 0

    def add(self, count: int) -> None:
        """Add so many bytes; raises DecodesToTooMuch."""
        self._count += count
        if self._count > self._bound:
            raise DecodesToTooMuch(self._bound)


class Blocks:
    """Decoded bytes, at most `size` at a time; `fault` says why they end before the input does."""

    def __init__(self, source: Readable, bounds: ChunkBounds) -> None:
        self._plain = None if is_compressed(source) else source
        self._stream = iter(()) if self._plain else decompressed(source)
        self._size = bounds.chunk_bytes
        self._meter = Meter(bounds.input_bytes)
        self._held = b""
        self.offset = 0
        self.at_end = False
        self.fault: Undecodable | None = None

    def peek(self, size: int) -> bytes:
        """Return the next bytes, at least `size` where there are as many, without taking them."""
        parts, have = [self._held] if self._held else [], len(self._held)
        while have < size and not self.at_end:
            block = self._next(size - have)
            if not block:
                self.at_end = True
            else:
                parts.append(block)
                have += len(block)
        self._held = parts[0] if len(parts) == 1 else b"".join(parts)  # one part is most often all, uncopied
        return self._held

    def _next(self, size: int) -> bytes:
        if self._plain:
            return self._plain.read(size)
        try:
            block = next(self._stream, b"")
        except Undecodable as error:
            self.fault = error
            return b""
        self._meter.add(len(block))
        return block

    def take(self) -> bytes:
        """Return the next bytes, and take them; empty at the end."""
        block = self.peek(self._size)
        self._held = b""
        self.offset += len(block)
        return block

    def take_view(self) -> bytes | memoryview:
        """Return what `take` does, in memory whose pages are large where the system has such.

        numpy asks for them; the kernel's work on small ones takes five times as long as to copy the bytes.
        """
        if self._held or not self._plain or self.at_end:
            return self.take()
        block = self._plain.read_into(np.empty(self._size, np.uint8).data)
        self.at_end = not block
        self.offset += len(block)
        return block

    def take_part(self) -> bytes:
        """Return the next bytes, and take them: a part of what is passed over; empty at the end."""
        block = self.peek(1) if self._held else self.peek(PART_BYTES)
        part, self._held = block[:PART_BYTES], block[PART_BYTES:]
        self.offset += len(part)
        return part

    def put_back(self, rest: bytes | memoryview) -> None:
        """Put back the end of what was just taken: the source reads it again where it can."""
        self.offset -= len(rest)
        if self._plain and not self.at_end and not self._held:
            self._plain.put_back(len(rest))
        else:
            self._held = bytes(rest) + self._held

    @property
    def break_reason(self) -> str | None:
        """The reason why the decoded bytes end before the input does; None where they don't, or not yet."""
        return str(self.fault) if self.fault else None

    def skip(self, count: int) -> None:
        """Pass over the next bytes."""
        self._held = self._held[count:]
        self.offset += count


class ByteWindow:
    """Some of the stream's bytes: `data` from `at` on is what comes next."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.data = b""
        self.at = 0

    @property
    def offset(self) -> int:
        """The place of the next byte in the stream."""
        return self._blocks.offset - len(self.data) + self.at

    @property
    def break_reason(self) -> str | None:
        """The reason why the decoded bytes break off after what is held; None where they don't."""
        return self._blocks.break_reason

    def holds(self, count: int) -> bool:
        """Whether there are `count` more bytes; then they are held."""
        while len(self.data) - self.at < count:
            block = self._blocks.take()
            if not block:
                return False
            self.data, self.at = self.data[self.at :] + block, 0
        return True

    def pass_over(
        self, count: int | None, position: int, reason: str, detail: str
    ) -> Iterator[UnreadableRecord]:
        """Yield the next `count` bytes, or all that is left, as one unreadable record in parts."""
        part = 0
        while (count is None or count > 0) and self.holds(1):
            offset = self.offset
            most = PART_BYTES if count is None else min(count, PART_BYTES)
            end = min(len(self.data), self.at + most)
            piece, self.at = self.data[self.at : end], end
            yield UnreadableRecord(position, offset, piece, reason, detail, part)
            part += 1
            count = None if count is None else count - len(piece)
        if part == 0:
            yield UnreadableRecord(position, self.offset, b"", reason, detail)

    def pass_to(self, mark: bytes, position: int, reason: str, detail: str) -> Iterator[UnreadableRecord]:
        """Yield all bytes up to the end of `mark`, or to the end, as one unreadable record in parts."""
        part = 0
        while self.holds(len(mark)):
            offset, place = self.offset, self.data.find(mark, self.at)
            end = place + len(mark) if place >= 0 else len(self.data) - len(mark) + 1
            is_last = place >= 0 and end <= self.at + PART_BYTES
            end = min(end, self.at + PART_BYTES)
            piece, self.at = self.data[self.at : end], end
            yield UnreadableRecord(position, offset, piece, reason, detail, part)
            if is_last:
                return
            part += 1
        if part == 0 or self.at < len(self.data):
            offset, piece, self.at = self.offset, self.data[self.at :], len(self.data)
            yield UnreadableRecord(position, offset, piece, reason, detail, part)

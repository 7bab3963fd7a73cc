"""JSON arrays as chunks of records.

Belongs here: recognising an array, and cutting it into its elements, found by their brackets alone. Not here:
other forms of JSON (`json`), and what is inside an element (`exact_validator`).
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace

from event_archive.decoding.byte_window import Blocks, InputStart
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.json import FIRST_BYTE, mark_size, skip_mark
from event_archive.decoding.record_chunk import (
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    in_parts,
    unreadable_chunk,
)

INSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)
BETWEEN = re.compile(rb"[^\s,]")
SCALAR_END = re.compile(rb"[,\]]")


def is_array(start: InputStart) -> bool:
    """Whether an input is a JSON array of records."""
    first = FIRST_BYTE.search(start.data, mark_size(start.data))
    return first is not None and first[0] == b"["


def array_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield the elements of an array; what is inside them is not looked at."""
    skip_mark(blocks)
    elements = _Elements(blocks.offset, bounds)
    while not elements.is_closed and elements.left <= bounds.record_bytes and (block := blocks.take()):
        yield from elements.cut(block)
    rest, offset = elements.rest()
    reason, detail = "truncated", "the array is not closed from here on"
    if elements.is_closed:
        rest, offset = _after_blanks(blocks, rest, offset)
        reason, detail = "after_array", "there is more after the end of the array"
    elif len(rest) > bounds.record_bytes:
        reason, detail = "too_long", f"{bounds.too_long('an element')}; here it is with all that follows it"
    if rest or not (elements.is_closed or blocks.break_reason):
        detail = blocks.break_reason or detail
        yield from _rest(blocks, UnreadableRecord(elements.position, offset, rest, reason, detail))


class _Elements:
    """The elements of an array, cut from blocks of its bytes; `position`: that of the next one."""

    def __init__(self, offset: int, bounds: ChunkBounds) -> None:
        self.position = 1
        self.is_closed = False
        self._is_open = False
        self._bounds = bounds
        self._data, self._at, self._offset = b"", 0, offset

    @property
    def left(self) -> int:
        """How many bytes are not cut yet."""
        return len(self._data) - self._at

    def rest(self) -> tuple[bytes, int]:
        """Return the bytes that are not cut, and their offset."""
        return self._data[self._at :], self._offset + self._at

    def cut(self, block: bytes) -> Iterator[Chunk]:
        """Yield the elements that end in the next block."""
        rest, self._offset = self.rest()
        self._data, self._at = rest + block, 0
        found = ChunkBuilder()
        while not self.is_closed and (start := BETWEEN.search(self._data, self._at)):
            self._at = start.start()
            if not self._is_open or start[0] == b"]":
                self._is_open, self.is_closed, self._at = True, self._is_open, start.end()
                continue
            end = element_end(self._data, self._at)
            if end is None:
                break
            self._add(found, end)
            if len(found.positions) == self._bounds.max_records:
                yield found.chunk()
        if found.positions or found.unreadable:
            yield found.chunk()

    def _add(self, found: ChunkBuilder, end: int) -> None:
        """Add the element that ends there."""
        element, offset = self._data[self._at : end], self._offset + self._at
        if len(element) > self._bounds.record_bytes:
            detail = self._bounds.too_long("the element")
            found.unreadable += in_parts(UnreadableRecord(self.position, offset, element, "too_long", detail))
        else:
            found.add(element, self.position, offset)
        self.position, self._at = self.position + 1, end


def _after_blanks(blocks: Blocks, rest: bytes, offset: int) -> tuple[bytes, int]:
    """The first block from `rest` on that is not blank, and its offset; no bytes where none follows."""
    while not rest.strip():
        offset += len(rest)
        rest = blocks.take_part()
        if not rest:
            break
    return rest, offset


def element_end(data: bytes, start: int, limit: int = sys.maxsize) -> int | None:
    """Return where the array element that starts here ends; None where it goes on after it, or a limit."""
    if data[start] not in b'{["':
        scalar_end = SCALAR_END.search(data, start)
        return scalar_end.start() if scalar_end else None
    depth = 0
    for token in INSIDE.finditer(data, start, limit):
        match token[0]:
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]":
                depth -= 1
            case b'"':
                return None
        if depth == 0:
            return token.end()
    return None


def _rest(blocks: Blocks, first: UnreadableRecord) -> Iterator[Chunk]:
    """Yield an unreadable record, and all bytes that follow it as its further parts."""
    part, offset = 0, first.offset
    for unreadable in in_parts(first):
        yield unreadable_chunk(unreadable)
        part, offset = part + 1, offset + len(unreadable.record)
    while piece := blocks.take_part():
        yield unreadable_chunk(replace(first, offset=offset, record=piece, part=part))
        part, offset = part + 1, offset + len(piece)

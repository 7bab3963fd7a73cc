"""JSON in its three forms (a record a line, one array, one document) as chunks of records.

Belongs here: recognising each form, with or without a byte order mark, and cutting it into records with
their places. Not here: what a record means (`exact_validator`), or even whether it is JSON.
"""

import json
import re
from collections.abc import Iterator

import numpy as np

from event_archive.decoding.byte_window import Blocks, InputStart
from event_archive.decoding.record_chunk import (
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    chunk_of,
    text_chunk,
    unreadable_chunk,
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIRST_BYTE = re.compile(rb"[^ \t\r\n]")
INSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)
BETWEEN = re.compile(rb"[^\s,]")
SCALAR_END = re.compile(rb"[,\]]")


def is_array(start: InputStart) -> bool:
    """Whether an input is a JSON array of records."""
    first = FIRST_BYTE.search(start.data, _mark_size(start.data))
    return first is not None and first[0] == b"["


def is_document(start: InputStart) -> bool:
    """Whether an input is one record over several lines: its first line alone is no JSON."""
    if not start.is_all or len(start.data) > start.bounds.record_bytes:
        return False
    body = start.data[_mark_size(start.data) :].strip()
    first, line_feed, _ = body.partition(b"\n")
    return bool(line_feed) and not _is_json(first) and _is_json(body)


def is_text(_: InputStart) -> bool:
    """Whether an input can be read line by line, as any can: each line that is no JSON has its reason."""
    return True


def document_record(blocks: Blocks, _: ChunkBounds) -> Iterator[Chunk]:
    """Yield one document as one record."""
    skipped = _skip_mark(blocks)
    yield chunk_of([blocks.take()], np.array([1]), np.array([skipped]))


def _mark_size(start: bytes) -> int:
    return len(BYTE_ORDER_MARK) if start.startswith(BYTE_ORDER_MARK) else 0


def _skip_mark(blocks: Blocks) -> int:
    """Pass over a byte order mark; returns its size, 0 where there is none."""
    size = _mark_size(blocks.peek(len(BYTE_ORDER_MARK)))
    blocks.skip(size)
    return size


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def line_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield the lines of a text, each as a record."""
    _skip_mark(blocks)
    max_record_bytes = bounds.record_bytes
    line, part, tail = 1, 0, b""
    detail = f"the line is longer than {max_record_bytes} bytes"
    while data := blocks.take():
        while not part and len(data) <= max_record_bytes and b"\n" not in data and (more := blocks.take()):
            data += more
        offset = blocks.offset - len(data)
        unreadable: list[UnreadableRecord] = []
        taken = 0
        if part:
            taken = data.find(b"\n") + 1 or len(data)
            unreadable.append(UnreadableRecord(line, offset, data[:taken], "too_long", detail, part))
            part = 0 if data[taken - 1 : taken] == b"\n" else part + 1
            line, offset, data = line + (part == 0), offset + taken, data[taken:]
        whole = data.rfind(b"\n") + 1
        chunk = text_chunk(data, whole, line, offset, bounds.max_records)
        cut = int(chunk.bounds[-1])
        line, rest = line + len(chunk.positions), data[cut:]
        if cut == whole and len(rest) > max_record_bytes:
            unreadable.append(UnreadableRecord(line, offset + cut, rest, "too_long", detail))
            part = 1
        elif cut or taken:
            blocks.put_back(rest)
        else:
            tail = rest  # the last line, which has no line feed
        chunk.unreadable = unreadable
        yield _without_long_lines(chunk, max_record_bytes, detail)
    offset = blocks.offset - len(tail)
    if tail and blocks.break_reason and not _is_json(tail):  # a record that lost its end is no JSON
        yield unreadable_chunk(UnreadableRecord(line, offset, tail, "truncated", blocks.break_reason))
    elif tail:
        yield text_chunk(tail, len(tail), line, offset)


def _without_long_lines(chunk: Chunk, max_record_bytes: int, detail: str) -> Chunk:
    long = np.flatnonzero(np.diff(chunk.bounds) > max_record_bytes + 1)
    if not len(long):
        return chunk
    readable = np.setdiff1d(np.arange(len(chunk.positions)), long).tolist()
    whole = chunk_of(
        [chunk.record(row) for row in readable], chunk.positions[readable], chunk.offsets[readable]
    )
    whole.unreadable = chunk.unreadable + [
        UnreadableRecord(
            int(chunk.positions[row]), int(chunk.offsets[row]), chunk.record(row), "too_long", detail
        )
        for row in long.tolist()
    ]
    return whole


def array_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield the elements of an array, found by their brackets alone: what is inside them is not looked at."""
    _skip_mark(blocks)
    base, data, at, position, opened, closed = blocks.offset, b"", 0, 1, False, False
    while block := blocks.take():
        data, base, at = data[at:] + block, base + at, 0
        records: list[bytes] = []
        positions: list[int] = []
        offsets: list[int] = []
        while not closed and (start := BETWEEN.search(data, at)):
            if not opened or data[start.start()] == ord("]"):
                opened, closed, at = True, opened, start.end()
                continue
            end = _element_end(data, start.start())
            if end is None:
                at = start.start()
                break
            records.append(data[start.start() : end])
            positions.append(position)
            offsets.append(base + start.start())
            position, at = position + 1, end
            if len(records) == bounds.max_records:
                yield chunk_of(records, np.array(positions), np.array(offsets))
                records, positions, offsets = [], [], []
        if records:
            yield chunk_of(records, np.array(positions), np.array(offsets))
        if closed or len(data) - at > bounds.record_bytes:
            break
    rest, offset = data[at:], base + at
    if closed:
        rest, offset = _after_blanks(blocks, rest, offset)
    if not rest and (closed or blocks.break_reason):
        return
    reason = "after_array" if closed else "truncated"
    detail = blocks.break_reason or (
        "there is more after the end of the array" if closed else "the array is not closed from here on"
    )
    yield from _rest(blocks, rest, position, offset, reason, detail)


def _after_blanks(blocks: Blocks, rest: bytes, offset: int) -> tuple[bytes, int]:
    """The first block from `rest` on that is not blank, and its offset; no bytes where none follows."""
    while not rest.strip():
        offset += len(rest)
        rest = blocks.take()
        if not rest:
            break
    return rest, offset


def _element_end(data: bytes, start: int) -> int | None:
    """Return where the array element that starts here ends; None where it goes on after `data`."""
    if data[start] not in b'{["':
        scalar_end = SCALAR_END.search(data, start)
        return scalar_end.start() if scalar_end else None
    depth = 0
    for token in INSIDE.finditer(data, start):
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


def _rest(
    blocks: Blocks, first: bytes, position: int, offset: int, reason: str, detail: str
) -> Iterator[Chunk]:
    part, piece = 0, first or blocks.take()
    while piece or part == 0:
        yield unreadable_chunk(UnreadableRecord(position, offset, piece, reason, detail, part))
        part, offset, piece = part + 1, offset + len(piece), blocks.take()

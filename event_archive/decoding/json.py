"""JSON as lines or as one document: chunks of records.

Belongs here: recognising both, with or without a byte order mark, and cutting lines into records with their
places. Not here: arrays (`json_array`), what a record means (`exact_validator`), or even whether it is JSON.
"""

import json
import re
from collections.abc import Iterator

import numpy as np

from event_archive.decoding.byte_window import Blocks, InputStart
from event_archive.decoding.record_chunk import (
    CACHED_BYTES,
    Chunk,
    ChunkBounds,
    UnreadableRecord,
    chunk_of,
    in_parts,
    text_chunk,
    unreadable_chunk,
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIRST_BYTE = re.compile(rb"[^ \t\r\n]")


def is_document(start: InputStart) -> bool:
    """Whether an input is one record over several lines: its first line alone is no JSON."""
    if not start.is_all or len(start.data) > start.bounds.record_bytes:
        return False
    body = start.data[mark_size(start.data) :].strip()
    first, line_feed, _ = body.partition(b"\n")
    return bool(line_feed) and not _is_json(first) and _is_json(body)


def is_text(_: InputStart) -> bool:
    """Whether an input can be read line by line, as any can: each line that is no JSON has its reason."""
    return True


def document_record(blocks: Blocks, _: ChunkBounds) -> Iterator[Chunk]:
    """Yield one document as one record."""
    skipped = skip_mark(blocks)
    yield chunk_of([blocks.take()], np.array([1]), np.array([skipped]))


def mark_size(start: bytes) -> int:
    """Return the size of the byte order mark that some bytes begin with, 0 where they do not."""
    return len(BYTE_ORDER_MARK) if start.startswith(BYTE_ORDER_MARK) else 0


def skip_mark(blocks: Blocks) -> int:
    """Pass over a byte order mark; returns its size, 0 where there is none."""
    size = mark_size(blocks.peek(len(BYTE_ORDER_MARK)))
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
    skip_mark(blocks)
    max_record_bytes = bounds.record_bytes
    line, part, tail = 1, 0, b""
    is_too_long = False  # the line that is read in parts
    detail = bounds.too_long("the line")
    while data := blocks.take_part() if is_too_long else blocks.take_view():
        while (
            not is_too_long
            and len(data) <= max_record_bytes
            and not size_of_lines(data)
            and (more := blocks.take())
        ):
            data = bytes(data) + more
        offset = blocks.offset - len(data)
        unreadable: list[UnreadableRecord] = []
        taken = 0
        if is_too_long:
            data = bytes(data)
            taken = data.find(b"\n") + 1 or len(data)
            unreadable.append(UnreadableRecord(line, offset, data[:taken], "too_long", detail, part))
            is_too_long = data[taken - 1 : taken] != b"\n"
            part = part + 1 if is_too_long else 0
            line, offset, data = line + (not is_too_long), offset + taken, data[taken:]
        whole = size_of_lines(data)
        chunk = text_chunk(data, whole, line, offset, bounds.max_records)
        cut = int(chunk.bounds[-1])
        line, rest = line + len(chunk.positions), data[cut:]
        if cut == whole and len(rest) > max_record_bytes:
            pieces = in_parts(UnreadableRecord(line, offset + cut, bytes(rest), "too_long", detail))
            unreadable += pieces
            is_too_long, part = True, len(pieces)
        elif cut or taken:
            blocks.put_back(rest)
        else:
            tail = bytes(rest)  # the last line, which has no line feed
        chunk.unreadable = unreadable
        yield _without_long_lines(chunk, max_record_bytes, detail)
    offset = blocks.offset - len(tail)
    if tail and blocks.break_reason and not _is_json(tail):  # a record that lost its end is no JSON
        yield unreadable_chunk(UnreadableRecord(line, offset, tail, "truncated", blocks.break_reason))
    elif tail:
        yield text_chunk(tail, len(tail), line, offset)


def size_of_lines(data: bytes | memoryview) -> int:
    """Return the size of the whole lines that some bytes begin with."""
    for end in range(len(data), 0, -CACHED_BYTES):
        start = max(end - CACHED_BYTES, 0)
        if whole := bytes(data[start:end]).rfind(b"\n") + 1:
            return start + whole
    return 0


def _without_long_lines(chunk: Chunk, max_record_bytes: int, detail: str) -> Chunk:
    long = np.flatnonzero(np.diff(chunk.bounds) > max_record_bytes + 1)
    if not len(long):
        return chunk
    readable = np.setdiff1d(np.arange(len(chunk.positions)), long).tolist()
    whole = chunk_of(
        [chunk.record(row) for row in readable], chunk.positions[readable], chunk.offsets[readable]
    )
    whole.unreadable = chunk.unreadable + [
        part
        for row in long.tolist()
        for part in in_parts(
            UnreadableRecord(
                int(chunk.positions[row]), int(chunk.offsets[row]), chunk.record(row), "too_long", detail
            )
        )
    ]
    return whole

"""From bytes to records: which encoding it is, byte order mark, and the three shapes of JSON.

Belongs here: telling Avro, Protobuf and JSON (NDJSON, array, single) by their first bytes, and cutting a
stream of JSON into records, in chunks of bounded size, with their places, and telling where it breaks off.
Not here: what a record means (`judge`), or even whether it is JSON; and the other encodings (`decode_avro`,
`decode_protobuf`).
"""

import json
import re
from collections.abc import Iterator

import numpy as np

from event_archive.decoding.avro import MAGIC, avro_records
from event_archive.decoding.byte_window import Blocks, ByteWindow
from event_archive.decoding.decompress import Readable
from event_archive.decoding.protobuf import framing_of, protobuf_records
from event_archive.decoding.record_chunk import Broken, Chunk, chunk_of, text_chunk

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIRST_BYTE = re.compile(rb"[^ \t\r\n]")
INSIDE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|"', re.DOTALL)
BETWEEN = re.compile(rb"[^\s,]")
USUAL_BYTES = 128  # of a record, at least
SCALAR_END = re.compile(rb"[,\]]")


def chunks(stream: Readable, chunk_bytes: int, max_record_bytes: int) -> Iterator[Chunk]:
    """Cut a stream into chunks of about `chunk_bytes` of records, of at most `max_record_bytes` each.

    Many small records make smaller chunks: each record costs some hundred bytes, however small it is.
    """
    most = max(chunk_bytes // USUAL_BYTES, 1)
    blocks = Blocks(stream, chunk_bytes)
    start = blocks.peek(max(chunk_bytes, 1))
    if start.startswith(MAGIC):
        yield from avro_records(ByteWindow(blocks), chunk_bytes, max_record_bytes, most)
        return
    if (mark := framing_of(start)) is not None:
        yield from protobuf_records(ByteWindow(blocks), mark, chunk_bytes, max_record_bytes, most)
        return
    skip = len(BYTE_ORDER_MARK) if start.startswith(BYTE_ORDER_MARK) else 0
    first = FIRST_BYTE.search(start, skip)
    blocks.skip(skip)
    if first and first[0] == b"[":
        yield from _array(blocks, max_record_bytes, most)
    elif blocks.at_end and len(start) <= max_record_bytes and _is_single(start[skip:].strip()):
        yield chunk_of([blocks.take()], np.array([1]), np.array([skip]))
    else:
        yield from _lines(blocks, max_record_bytes, most)


def _is_single(body: bytes) -> bool:
    """Whether this is one document over several lines: only then its first line is no JSON value."""
    first, line_feed, _ = body.partition(b"\n")
    return bool(line_feed) and not _is_json(first) and _is_json(body)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _lines(blocks: Blocks, max_record_bytes: int, most: int) -> Iterator[Chunk]:
    line, part, tail = 1, 0, b""
    detail = f"the line is longer than {max_record_bytes} bytes"
    while data := blocks.take():
        while not part and len(data) <= max_record_bytes and b"\n" not in data and (more := blocks.take()):
            data += more
        offset = blocks.offset - len(data)
        broken: list[Broken] = []
        taken = 0
        if part:
            taken = data.find(b"\n") + 1 or len(data)
            broken.append(Broken(line, offset, data[:taken], "too_long", detail, part))
            part = 0 if data[taken - 1 : taken] == b"\n" else part + 1
            line, offset, data = line + (part == 0), offset + taken, data[taken:]
        whole = data.rfind(b"\n") + 1
        chunk = text_chunk(data, whole, line, offset, most)
        cut = int(chunk.bounds[-1])
        line, rest = line + len(chunk.positions), data[cut:]
        if cut == whole and len(rest) > max_record_bytes:
            broken.append(Broken(line, offset + cut, rest, "too_long", detail))
            part = 1
        elif cut or taken:
            blocks.put_back(rest)
        else:
            tail = rest  # the last line, which has no line feed
        chunk.broken = broken
        yield _without_long_lines(chunk, max_record_bytes, detail)
    offset = blocks.offset - len(tail)
    if blocks.truncated is not None:
        end = text_chunk(b"", 0, line, offset)
        end.broken = [Broken(line, offset, tail, "truncated", blocks.truncated)]
        yield end
    elif tail:
        yield text_chunk(tail, len(tail), line, offset)


def _without_long_lines(chunk: Chunk, max_record_bytes: int, detail: str) -> Chunk:
    long = np.flatnonzero(np.diff(chunk.bounds) > max_record_bytes + 1)
    if not len(long):
        return chunk
    kept = np.setdiff1d(np.arange(len(chunk.positions)), long).tolist()
    whole = chunk_of([chunk.record(row) for row in kept], chunk.positions[kept], chunk.offsets[kept])
    whole.broken = chunk.broken + [
        Broken(int(chunk.positions[row]), int(chunk.offsets[row]), chunk.record(row), "too_long", detail)
        for row in long.tolist()
    ]
    return whole


def _array(blocks: Blocks, max_record_bytes: int, most: int) -> Iterator[Chunk]:
    """The elements of a JSON array, found by their brackets alone: what is inside them is not looked at."""
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
            if len(records) == most:
                yield chunk_of(records, np.array(positions), np.array(offsets))
                records, positions, offsets = [], [], []
        if records:
            yield chunk_of(records, np.array(positions), np.array(offsets))
        if closed or len(data) - at > max_record_bytes:
            break
    rest, offset = data[at:], base + at
    while closed and not rest.strip():
        offset += len(rest)
        rest = blocks.take()
        if not (rest or blocks.truncated):
            return
        if not rest:
            break
    reason = "truncated" if blocks.truncated or not closed else "after_array"
    detail = blocks.truncated or (
        "there is more after the end of the array" if closed else "the array is not closed from here on"
    )
    yield from _rest(blocks, rest, position, offset, reason, detail)


def _element_end(data: bytes, start: int) -> int | None:
    """Where the array element that starts here ends; None where it goes on after `data`."""
    if data[start] not in b'{["':
        found = SCALAR_END.search(data, start)
        return found.start() if found else None
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
        chunk = text_chunk(b"", 0, position, offset)
        chunk.broken = [Broken(position, offset, piece, reason, detail, part)]
        yield chunk
        part, offset, piece = part + 1, offset + len(piece), blocks.take()

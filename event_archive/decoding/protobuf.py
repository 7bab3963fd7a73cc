"""CloudEvents in Protobuf: a batch, or events one after the other with their lengths, as chunks of JSON text.

Belongs here: recognising the two, and cutting a stream into events, however long the stream.
Not here: what is in an event (`protobuf_event`).

A `CloudEventBatch` is read field by field and never whole: on the wire it is its events, each after the
tag 0x0A and its length.
"""

from collections.abc import Iterator

import numpy as np

from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.event_columns import COLUMN_BYTES, MOST_EVENTS
from event_archive.decoding.event_json import RecordError
from event_archive.decoding.protobuf_columns import columns_of_events
from event_archive.decoding.protobuf_event import SIZED, VARINT, event_text, varint
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, UnreadableRecord

BATCH_TAG, NO_TAG = b"\x0a", b""
LONGEST_VARINT = 10
TELLING = (2, 3)  # source and spec_version: their tags, 0x12 and 0x1A, are in no JSON text
FIELDS_LOOKED_AT = 16


def is_batch(start: InputStart) -> bool:
    """Whether an input is a CloudEventBatch."""
    return _is_framed(start.data, BATCH_TAG)


def is_length_delimited(start: InputStart) -> bool:
    """Whether an input is events one after the other, each after its length."""
    return _is_framed(start.data, NO_TAG)


def batch_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield the events of a batch."""
    return _framed_records(blocks, bounds, BATCH_TAG)


def length_delimited_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield the events of a stream of events with their lengths."""
    return _framed_records(blocks, bounds, NO_TAG)


def _is_framed(start: bytes, tag: bytes) -> bool:
    """Whether an input that starts so has this tag, a length, and an event."""
    length = varint(start, len(tag), len(start)) if start.startswith(tag) else None
    return length is not None and _is_event(start[length[1] : length[1] + length[0]])


def _is_event(start: bytes) -> bool:
    """Whether an event may start so. Valid JSON can't: it has no character with the number of such a tag."""
    at = 0
    for _ in range(FIELDS_LOOKED_AT):
        tag = varint(start, at, len(start))
        value = varint(start, tag[1], len(start)) if tag else None
        if tag is None or value is None or not 1 <= tag[0] >> 3 <= 1 << 29:
            return False
        wire = tag[0] & 7
        if wire == SIZED and tag[0] >> 3 in TELLING:
            return True
        if wire not in (VARINT, SIZED):
            return False
        at = value[1] + (value[0] if wire == SIZED else 0)
    return False


def _framed_records(blocks: Blocks, bounds: ChunkBounds, tag: bytes) -> Iterator[Chunk]:
    builder = ChunkBuilder()
    return builder.chunks(_events(ByteWindow(blocks), tag, bounds, builder), bounds)


def _events(
    window: ByteWindow, tag: bytes, bounds: ChunkBounds, builder: ChunkBuilder
) -> Iterator[UnreadableRecord | None]:
    """Add the events to `builder`; yields what is none, and None after events were added."""
    position = 0
    while window.holds(1):
        if events := _next_events(window, tag, bounds):
            yield from _add(window, events, position + 1, bounds, builder)
            position += len(events)
            continue
        position += 1
        window.holds(len(tag) + LONGEST_VARINT)
        start = window.data[window.at : window.at + len(tag) + LONGEST_VARINT]
        size = varint(start, len(tag), len(start)) if start.startswith(tag) else None
        if size is None:
            detail = "from here on there are no events with their lengths"
            yield from window.pass_over(None, position, "bad_protobuf", window.break_reason or detail)
            break
        length, head = size
        if length > bounds.record_bytes:
            detail = bounds.too_long("the event")
            yield from window.pass_over(head + length, position, "too_long", detail)
            continue
        if not window.holds(head + length):
            detail = f"the event is to have {length} bytes, and the input ends before"
            yield from window.pass_over(None, position, "truncated", window.break_reason or detail)
            return
        offset, body = window.offset, window.at + head
        window.at = body + length
        raw = window.data[body : window.at]
        yield _add_one(raw, position, offset, bounds, builder)


def _next_events(window: ByteWindow, tag: bytes, bounds: ChunkBounds) -> list[tuple[int, int, int]]:
    """Return the places of what the next events begin and end with, and their content, in what is held.

    What is too long or damaged ends them, and so does what is not held yet: it is left to be read by itself.
    """
    events: list[tuple[int, int, int]] = []
    data, at = window.data, window.at
    last, most = min(len(data), at + COLUMN_BYTES), min(MOST_EVENTS, bounds.max_records)
    while at < last and len(events) < most and data.startswith(tag, at):
        body = at + len(tag) + 2
        if (
            body < len(data) and data[body - 2] >= 0x80 > data[body - 1]
        ):  # the usual size, which is in two bytes
            size = data[body - 2] & 0x7F | data[body - 1] << 7
        elif found := varint(data, at + len(tag), len(data)):
            size, body = found
        else:
            break
        if size > bounds.record_bytes or body + size > len(data):
            break
        events.append((at, body, body + size))
        at = body + size
    return events


def _add(
    window: ByteWindow,
    events: list[tuple[int, int, int]],
    position: int,
    bounds: ChunkBounds,
    builder: ChunkBuilder,
) -> Iterator[UnreadableRecord | None]:
    """Add events that are held, as many at once as may be; yields as `_events` does."""
    first, before = window.at, window.offset - window.at
    starts, bodies, ends = np.array(events, np.int64).T
    data = window.data[first : ends[-1]]
    window.at = int(ends[-1])
    lines = columns_of_events(data, bodies - first, ends - first, bounds.record_bytes)
    sizes, number = np.diff(lines.bounds), 0
    for other in [*np.flatnonzero(~lines.is_good).tolist(), len(events)]:
        if number < other:
            text = bytes(lines.text[lines.bounds[number] : lines.bounds[other]])
            offsets = (starts[number:other] + before).tolist()
            builder.add_lines(text, sizes[number:other], position + number, offsets)
            yield None
        if other < len(events):
            start, body, end = events[other]
            raw = data[body - first : end - first]
            yield _add_one(raw, position + other, before + start, bounds, builder)
        number = other + 1


def _add_one(
    raw: bytes, position: int, offset: int, bounds: ChunkBounds, builder: ChunkBuilder
) -> UnreadableRecord | None:
    """Add one event; returns it where it can't be read."""
    try:
        text = event_text(raw)
        if len(text) > bounds.record_bytes:
            raise RecordError("too_long", bounds.too_long("the event as JSON"))
        builder.add(text, position, offset)
    except RecordError as error:
        return UnreadableRecord(position, offset, raw, error.reason, str(error))
    return None

"""CloudEvents in Protobuf: a batch, or events one after the other with their lengths, as chunks of JSON text.

Belongs here: recognising the two, and cutting a stream into events, however long the stream.
Not here: what is in an event (`protobuf_event`).

A `CloudEventBatch` is read field by field and never whole: on the wire it is its events, each after the
tag 0x0A and its length.
"""

from collections.abc import Iterator

from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.event_json import RecordError
from event_archive.decoding.protobuf_event import SIZED, VARINT, event_text, varint
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, ChunkBuilder, UnreadableRecord

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
    """Add the events to `builder`; yields what is none, and None after each event."""
    position = 0
    while window.holds(1):
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
        try:
            text = event_text(raw)
            if len(text) > bounds.record_bytes:
                raise RecordError("too_long", bounds.too_long("the event as JSON"))
            builder.add(text, position, offset)
            yield None
        except RecordError as error:
            yield UnreadableRecord(position, offset, raw, error.reason, str(error))

"""CloudEvents in Protobuf: a batch, or events one after the other with their lengths, as chunks of JSON text.

Belongs here: telling that a stream is one of the two, and cutting it into events, however long the stream.
Not here: what is in an event (`protobuf_event`).

A `CloudEventBatch` is read field by field and never whole: on the wire it is its events, each after the
tag 0x0A and its length.
"""

from collections.abc import Iterator

from event_archive.decoding.byte_window import ByteWindow
from event_archive.decoding.event_json import Unreadable
from event_archive.decoding.protobuf_event import SIZED, VARINT, event_text, varint
from event_archive.decoding.record_chunk import Broken, Chunk, Gathered

BATCH, LENGTHS = b"\x0a", b""
LONGEST_VARINT = 10
TELLING = (2, 3)  # source and spec_version: their tags, 0x12 and 0x1A, are in no JSON text
FIELDS_LOOKED_AT = 16


def framing_of(start: bytes) -> bytes | None:
    """What stands before each event's length in a stream that starts so; None where it is no Protobuf."""
    for mark in (BATCH, LENGTHS):
        length = varint(start, len(mark), len(start)) if start.startswith(mark) else None
        if length and _is_event(start[length[1] : length[1] + length[0]]):
            return mark
    return None


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


def protobuf_records(
    window: ByteWindow, mark: bytes, chunk_bytes: int, max_record_bytes: int, most: int
) -> Iterator[Chunk]:
    """The events of a stream with this framing."""
    held = Gathered()
    return held.chunks(_events(window, mark, max_record_bytes, held), chunk_bytes, most)


def _events(
    window: ByteWindow, mark: bytes, max_record_bytes: int, held: Gathered
) -> Iterator[Broken | None]:
    """Put the events into `held`; gives what is none, and None after each event."""
    position = 0
    while window.holds(1):
        position += 1
        window.holds(len(mark) + LONGEST_VARINT)
        start = window.data[window.at : window.at + len(mark) + LONGEST_VARINT]
        size = varint(start, len(mark), len(start)) if start.startswith(mark) else None
        if size is None:
            detail = "from here on there are no events with their lengths"
            yield from window.pass_over(None, position, "bad_protobuf", window.broken_off or detail)
            break
        length, head = size
        if length > max_record_bytes:
            detail = f"the event is longer than {max_record_bytes} bytes"
            yield from window.pass_over(head + length, position, "too_long", detail)
            continue
        if not window.holds(head + length):
            detail = f"the event is to have {length} bytes, and the input ends before"
            yield from window.pass_over(None, position, "truncated", window.broken_off or detail)
            return
        offset, body = window.offset, window.at + head
        window.at = body + length
        raw = window.data[body : window.at]
        try:
            text = event_text(raw)
            if len(text) > max_record_bytes:
                raise Unreadable("too_long", f"the event as JSON is longer than {max_record_bytes} bytes")
            held.add(text, position, offset)
            yield None
        except Unreadable as error:
            yield Broken(position, offset, raw, error.reason, str(error))
    if window.broken_off:
        yield Broken(position + 1, window.offset, b"", "truncated", window.broken_off)

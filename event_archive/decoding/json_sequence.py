"""JSON text sequences (RFC 7464): texts with a record separator before each.

Belongs here: recognising them, and cutting them into records. Not here: what a text holds, and texts without
a separator (`json_texts`).
"""

from collections.abc import Iterator

from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.json import FIRST_BYTE, mark_size, skip_mark
from event_archive.decoding.json_texts import SEPARATOR, is_json, skip_blanks
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, UnreadableRecord, in_parts


def is_sequence(start: InputStart) -> bool:
    """Whether an input is a JSON text sequence: it begins with a record separator, which no JSON holds."""
    first = FIRST_BYTE.search(start.data, mark_size(start.data))
    return first is not None and first[0] == SEPARATOR


def sequence_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield each text of a JSON text sequence as a record."""
    skip_mark(blocks)
    builder = ChunkBuilder()
    return builder.chunks(_sequence(ByteWindow(blocks), bounds, builder), bounds)


def _sequence(
    window: ByteWindow, bounds: ChunkBounds, builder: ChunkBuilder
) -> Iterator[UnreadableRecord | None]:
    """Yield the steps of a JSON text sequence."""
    position = 0
    while skip_blanks(window):
        if window.data[window.at : window.at + 1] == SEPARATOR:
            window.at += 1
            continue
        position += 1
        end = _sequence_text_end(window, bounds)
        if end is None:
            yield from window.pass_to(SEPARATOR, position, "too_long", bounds.too_long("the text"))
            continue
        text, offset, window.at = window.data[window.at : end].rstrip(), window.offset, end
        if end == len(window.data) and not window.holds(1) and not is_json(text):
            detail = window.break_reason or "the last text of the sequence is not complete"
            yield from in_parts(UnreadableRecord(position, offset, text, "truncated", detail))
        else:
            builder.add(text, position, offset)
            yield None


def _sequence_text_end(window: ByteWindow, bounds: ChunkBounds) -> int | None:
    """Where the next text of a sequence ends; None where it is longer than a record may be."""
    searched = window.at
    while (end := window.data.find(SEPARATOR, searched)) < 0:
        held = len(window.data) - window.at
        if held > bounds.record_bytes:
            return None
        if not window.holds(held + 1):
            return len(window.data)
        searched = window.at + held
    return end if end - window.at <= bounds.record_bytes else None

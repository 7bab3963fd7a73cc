"""Avro object container files as chunks of JSON text: CloudEvents, or records of any schema for a mapping.

Belongs here: a container's blocks, and the records of each. Not here: its header (`avro_header`), a record as
JSON (`avro_record`, and `avro_columns` for many at once), and whether it is an event (`exact_validator`).

A block that can't be read is kept as it came, decompressed where that could be done, and reading goes on
after the marker that ends it. Positions count records; offsets are those of the blocks that hold them.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import chain

import fastavro

from event_archive.decoding.avro_codecs import Corrupt
from event_archive.decoding.avro_columns import Lines
from event_archive.decoding.avro_header import (
    LONGEST_LONG,
    MAGIC,
    SYNC_BYTES,
    AvroHeader,
    read_header,
    read_long,
)
from event_archive.decoding.avro_record import RecordReader, record_reader
from event_archive.decoding.avro_safe_schema import UnusableSchema
from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.chunk_builder import ChunkBuilder
from event_archive.decoding.event_columns import COLUMN_BYTES, MOST_EVENTS
from event_archive.decoding.event_json import RecordError
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, UnreadableRecord
from event_archive.wording import format_count

UNKNOWN = 0  # the position of what is unreadable, until all before it has been read


@dataclass(frozen=True)
class _Block:
    """A block: its bytes, unpacked, the number of records that it claims to have, and where it begins."""

    data: bytes
    count: int
    offset: int


@dataclass
class _Waiting:
    """Blocks whose records are to be read together."""

    blocks: list[_Block] = field(default_factory=list)
    size: int = 0
    count: int = 0

    def add(self, block: _Block) -> None:
        """Add one more."""
        self.blocks.append(block)
        self.size += len(block.data)
        self.count += max(block.count, 1)

    def are_enough(self, bounds: ChunkBounds) -> bool:
        """Whether they are so many that they are read now."""
        return self.size >= COLUMN_BYTES or self.count >= min(MOST_EVENTS, bounds.max_records)

    def taken(self) -> list[_Block]:
        """Return them; then there are none."""
        blocks, self.blocks, self.size, self.count = self.blocks, [], 0, 0
        return blocks


def is_container(start: InputStart) -> bool:
    """Whether an input is an object container file."""
    return start.data.startswith(MAGIC)


def container_records(blocks: Blocks, bounds: ChunkBounds) -> Iterator[Chunk]:
    """Yield the records of a container file."""
    builder = ChunkBuilder()
    return builder.chunks(_records(ByteWindow(blocks), bounds, builder), bounds)


def _records(
    window: ByteWindow, bounds: ChunkBounds, builder: ChunkBuilder
) -> Iterator[UnreadableRecord | None]:
    """Add the records to `builder`; yields what is unreadable, and None after records were added."""
    try:
        header = read_header(window)
        reader = record_reader(header.schema)
    except (Corrupt, UnusableSchema) as error:
        detail = window.break_reason or f"the file's header: {error}"
        yield from window.pass_over(None, 1, "bad_avro", detail)
        return
    position, blocks = 1, _Waiting()
    for found in chain(_blocks(window, header, bounds), [None]):
        if isinstance(found, _Block):
            blocks.add(found)
        if blocks.are_enough(bounds) or not isinstance(found, _Block):
            position = yield from _add(reader, blocks.taken(), position, bounds, builder)
        if isinstance(found, UnreadableRecord):
            position += found.part == 0
            yield replace(found, position=position - 1)


def _blocks(
    window: ByteWindow, header: AvroHeader, bounds: ChunkBounds
) -> Iterator[_Block | UnreadableRecord]:
    """Yield the blocks, unpacked, and what is none, whose position is not known yet."""
    while window.holds(1):
        window.holds(2 * LONGEST_LONG)  # which may move what is held: places are taken after it
        start, offset = window.at, window.offset
        try:
            count, at = read_long(window.data, start)
            size, at = read_long(window.data, at)
            if count < 0 or size < 0:
                raise Corrupt("a block's number of records or bytes is negative")
        except Corrupt as error:
            detail = window.break_reason or f"{error}; records are found again at the next marker"
            yield from window.pass_to(header.sync, UNKNOWN, "bad_avro", detail)
            continue
        head = at - start
        if size > bounds.record_bytes:  # its count is a claim: it is one unreadable record
            detail = bounds.too_long(f"a block of {size} bytes")
            yield from window.pass_over(head + size, UNKNOWN, "too_long", detail)
        elif not window.holds(head + size):
            detail = f"a block is to have {size} bytes, and the input ends before"
            yield from window.pass_over(None, UNKNOWN, "truncated", window.break_reason or detail)
            return
        else:
            packed = window.data[window.at + head : window.at + head + size]
            window.at += head + size
            try:
                yield _Block(header.decompress(packed, bounds.record_bytes), count, offset)
            except Corrupt as error:
                detail = f"a block of {format_count(count, 'record')}: {error}"
                yield UnreadableRecord(UNKNOWN, offset, packed, error.reason, detail)
        if window.holds(SYNC_BYTES) and window.data.startswith(header.sync, window.at):
            window.at += SYNC_BYTES
        elif window.holds(1):
            detail = window.break_reason or "the marker after a block is not the file's"
            yield from window.pass_to(header.sync, UNKNOWN, "bad_avro", detail)


def _add(
    reader: RecordReader, blocks: list[_Block], position: int, bounds: ChunkBounds, builder: ChunkBuilder
) -> Generator[UnreadableRecord | None, None, int]:
    """Add the records of some blocks; yields as `_records` does, and returns the position after them."""
    lines: Sequence[Lines | None] = [None] * len(blocks)
    if reader.columns and blocks:
        lines = reader.columns.lines(
            [block.data for block in blocks], [block.count for block in blocks], bounds.record_bytes
        )
    for block, events in zip(blocks, lines, strict=True):
        if events:
            text, sizes = events
            builder.add_lines(text, sizes, position, [block.offset] * len(sizes))
            position += len(sizes)
            yield None
        else:
            for unreadable in _records_of(block, reader, position, bounds, builder):
                position += unreadable is None or unreadable.part == 0
                yield unreadable
    return position


def _records_of(
    block: _Block, reader: RecordReader, position: int, bounds: ChunkBounds, builder: ChunkBuilder
) -> Iterator[UnreadableRecord | None]:
    """Add the records of one block, each by itself; yields as `_records` does."""
    unpacked, count, offset = block.data, block.count, block.offset
    texts = reader.at_once(unpacked, count)
    if texts is not None and max(map(len, texts)) <= bounds.record_bytes:
        for number, text in enumerate(texts):
            builder.add(text, position + number, offset)
            yield None
        return
    stream, end = BytesIO(unpacked), len(unpacked)
    for number in range(count):
        at = stream.tell()
        try:
            if at == end:
                raise EOFError(f"the block ends before its {format_count(count, 'record')}")
            record = fastavro.schemaless_reader(stream, reader.record, None)
        except Exception as error:  # whatever the reader raises on bytes that are no record
            detail = f"record {number + 1} of {count} in a block can't be read: {_line(error)}"
            yield UnreadableRecord(position, offset, unpacked[at:], "bad_avro", detail)
            return
        try:
            text = reader.as_json(record)
            if len(text) > bounds.record_bytes:
                raise RecordError("too_long", bounds.too_long("the event as JSON"))
            builder.add(text, position, offset)
            yield None
        except RecordError as error:
            raw = unpacked[at : stream.tell()]
            yield UnreadableRecord(position, offset, raw, error.reason, str(error))
        position += 1
    if (at := stream.tell()) < end:
        detail = f"a block has more than its {format_count(count, 'record')}"
        yield UnreadableRecord(position, offset, unpacked[at:], "bad_avro", detail)


def _line(error: Exception) -> str:
    """Return what an error says, in one line of bounded length."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]

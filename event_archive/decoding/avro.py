"""Avro object container files as chunks of JSON text: CloudEvents, or records of any schema for a mapping.

Belongs here: a container's blocks and their records as JSON. Not here: its header (`avro_header`), the
file's schema made safe (`avro_safe_schema`), and whether a record is an event (`exact_validator`).

A block that can't be read is kept as it came, decompressed where that could be done, and reading goes on
after the marker that ends it. Positions count records; offsets are those of the blocks that hold them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import fastavro

from event_archive.decoding.avro_codecs import Corrupt
from event_archive.decoding.avro_header import (
    LONGEST_LONG,
    MAGIC,
    SYNC_BYTES,
    AvroHeader,
    read_header,
    read_long,
    write_long,
)
from event_archive.decoding.avro_safe_schema import EVENT_SCHEMA, UnusableSchema, holds_events
from event_archive.decoding.byte_window import Blocks, ByteWindow, InputStart
from event_archive.decoding.event_json import RecordError, event_json, event_json_of_value, value_json
from event_archive.decoding.record_chunk import Chunk, ChunkBounds, ChunkBuilder, UnreadableRecord
from event_archive.wording import format_count

AT_ONCE_BYTES = 1 << 20  # parsed, records take up to 60 times their bytes


@dataclass(frozen=True)
class _RecordReader:
    """How records are read: the type of one, the type of a list of them, and a value as JSON text."""

    record: Any
    array: Any
    as_json: Callable[[Any], bytes]


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
    """Add the records to `builder`; yields what is unreadable, and None after each record."""
    try:
        header = read_header(window)
        reader = _record_reader(header.schema)
    except (Corrupt, UnusableSchema) as error:
        detail = window.break_reason or f"the file's header: {error}"
        yield from window.pass_over(None, 1, "bad_avro", detail)
        return
    position = 1
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
            yield from window.pass_to(header.sync, position, "bad_avro", detail)
            position += 1
            continue
        head = at - start
        if size > bounds.record_bytes:
            detail = bounds.too_long(f"a block of {size} bytes")
            yield from window.pass_over(head + size, position, "too_long", detail)
            position += 1  # its count is a claim
        elif not window.holds(head + size):
            detail = f"a block is to have {size} bytes, and the input ends before"
            yield from window.pass_over(None, position, "truncated", window.break_reason or detail)
            return
        else:
            packed = window.data[window.at + head : window.at + head + size]
            window.at += head + size
            block = _block(header, reader, packed, count, position, offset, bounds, builder)
            for unreadable in block:
                position += unreadable is None or unreadable.part == 0
                yield unreadable
        if window.holds(SYNC_BYTES) and window.data.startswith(header.sync, window.at):
            window.at += SYNC_BYTES
        elif window.holds(1):
            detail = window.break_reason or "the marker after a block is not the file's"
            yield from window.pass_to(header.sync, position, "bad_avro", detail)
            position += 1


def _block(
    header: AvroHeader,
    reader: _RecordReader,
    packed: bytes,
    count: int,
    position: int,
    offset: int,
    bounds: ChunkBounds,
    builder: ChunkBuilder,
) -> Iterator[UnreadableRecord | None]:
    """Add the records of one block; yields as `_records` does."""
    try:
        unpacked = header.decompress(packed, bounds.record_bytes)
    except Corrupt as error:
        detail = f"a block of {format_count(count, 'record')}: {error}"
        yield UnreadableRecord(position, offset, packed, error.reason, detail)
        return
    texts = _at_once(reader, unpacked, count)
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


def _at_once(reader: _RecordReader, unpacked: bytes, count: int) -> list[bytes] | None:
    """Return all records of a block, read as one array, which costs a third; None where that fails."""
    if not 0 < count <= len(unpacked) <= AT_ONCE_BYTES:
        return None
    stream = BytesIO(write_long(count) + unpacked + b"\0")  # an array: its items' number, they, and a zero
    try:
        records = fastavro.schemaless_reader(stream, reader.array, None)
        if not isinstance(records, list) or len(records) != count or stream.read(1):
            return None
        return [reader.as_json(record) for record in records]
    except Exception:  # whatever the reader raises on bytes that are no record
        return None


def _record_reader(schema: Any) -> _RecordReader:
    as_json: Callable[[Any], bytes] = value_json
    if holds_events(schema):
        as_json = partial(_event, is_wrapped=_data_type(schema) == _data_type(EVENT_SCHEMA))
    array = fastavro.parse_schema({"type": "array", "items": schema})
    return _RecordReader(fastavro.parse_schema(schema), array, as_json)


def _data_type(schema: Any) -> Any:
    return next(field["type"] for field in schema["fields"] if field["name"] == "data")


def _event(record: Any, *, is_wrapped: bool) -> bytes:
    """Return the JSON text of a record `attribute`, `data`; `is_wrapped`: data as the specification says."""
    attributes = {name: value for name, value in record["attribute"].items() if value is not None}
    data = record["data"]
    if data is None or isinstance(data, bytes | str):
        return event_json(attributes, data)
    return event_json_of_value(attributes, _plain(data) if is_wrapped else data)


def _plain(data: Any) -> Any:
    """Return data as JSON has it: in Avro, each inner object is a record with one field, a map `value`."""
    if isinstance(data, dict):
        return {name: _members(item) if isinstance(item, dict) else item for name, item in data.items()}
    return [_members(item) for item in data] if isinstance(data, list) else data


def _members(record: dict[str, Any]) -> dict[str, Any]:
    """Return the map in such a record; a map or a list in it holds such records again."""
    members: dict[str, Any] = {}
    for name, item in record["value"].items():
        if isinstance(item, dict):
            members[name] = {key: _members(inner) for key, inner in item.items()}
        else:
            members[name] = [_members(inner) for inner in item] if isinstance(item, list) else item
    return members


def _line(error: Exception) -> str:
    """Return what an error says, in one line of bounded length."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]

"""Avro object container files as chunks of JSON text: CloudEvents, or records of any schema for a mapping.

Belongs here: the container's header and blocks (Avro 1.12, "Object Container Files"), and records as events.
Not here: the file's schema made safe (`avro_schema`), and whether a record is an event (`judge`).

A block that can't be read is kept as it came, decompressed where that could be done, and reading goes on
after the marker that ends it. Positions count records; offsets are those of the blocks that hold them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import fastavro

from event_archive.decoding.avro_codecs import CODECS, Corrupt, Decompress
from event_archive.decoding.avro_safe_schema import EVENT_SCHEMA, UnusableSchema, holds_events, safe_schema
from event_archive.decoding.byte_window import ByteWindow
from event_archive.decoding.event_json import Unreadable, event_json, event_json_of_value, value_json
from event_archive.decoding.record_chunk import Broken, Chunk, Gathered

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MOST_HEADER_BYTES = 1 << 20
MOST_HEADER_NAMES = 1000
LONGEST_LONG = 10
AT_ONCE_BYTES = 1 << 20  # parsed, records take up to 60 times their bytes

AsJson = Callable[[Any], bytes]


@dataclass(frozen=True)
class _Container:
    """What a file's header says: how its blocks are packed, where they end, and what a record is."""

    sync: bytes
    decompress: Decompress
    schema: Any
    array: Any
    as_json: AsJson


def avro_records(window: ByteWindow, chunk_bytes: int, max_record_bytes: int, most: int) -> Iterator[Chunk]:
    """The records of a container file, which begins with MAGIC."""
    held = Gathered()
    return held.chunks(_records(window, max_record_bytes, held), chunk_bytes, most)


def _records(window: ByteWindow, max_record_bytes: int, held: Gathered) -> Iterator[Broken | None]:
    """Put the records into `held`; gives what is none, and None after each record."""
    try:
        container = _header(window)
    except (Corrupt, UnusableSchema) as error:
        yield from window.pass_over(None, 1, "bad_avro", window.broken_off or f"the file's header: {error}")
        return
    position = 1
    while window.holds(1):
        window.holds(2 * LONGEST_LONG)  # which may move what is held: places are taken after it
        start, offset = window.at, window.offset
        try:
            count, at = _long(window.data, start)
            size, at = _long(window.data, at)
            if count < 0 or size < 0:
                raise Corrupt("a block's number of records or bytes is negative")
        except Corrupt as error:
            detail = window.broken_off or f"{error}; records are found again at the next marker"
            yield from window.pass_to(container.sync, position, "bad_avro", detail)
            position += 1
            continue
        head = at - start
        if size > max_record_bytes:
            detail = f"a block of {size} bytes is longer than {max_record_bytes} bytes"
            yield from window.pass_over(head + size, position, "too_long", detail)
            position += 1  # its count is a claim
        elif not window.holds(head + size):
            detail = f"a block is to have {size} bytes, and the input ends before"
            yield from window.pass_over(None, position, "truncated", window.broken_off or detail)
            return
        else:
            packed = window.data[window.at + head : window.at + head + size]
            window.at += head + size
            for broken in _block(container, packed, count, position, offset, max_record_bytes, held):
                position += broken is None or broken.part == 0
                yield broken
        if window.holds(SYNC_BYTES) and window.data.startswith(container.sync, window.at):
            window.at += SYNC_BYTES
        elif window.holds(1) or window.broken_off:
            detail = window.broken_off or "the marker after a block is not the file's"
            yield from window.pass_to(container.sync, position, "bad_avro", detail)
            position += 1


def _block(
    container: _Container,
    packed: bytes,
    count: int,
    position: int,
    offset: int,
    max_record_bytes: int,
    held: Gathered,
) -> Iterator[Broken | None]:
    """The records of one block."""
    try:
        unpacked = container.decompress(packed, max_record_bytes)
    except Corrupt as error:
        yield Broken(position, offset, packed, "bad_avro", f"a block of {count} records: {error}")
        return
    texts = _at_once(container, unpacked, count)
    if texts is not None and max(map(len, texts)) <= max_record_bytes:
        for number, text in enumerate(texts):
            held.add(text, position + number, offset)
            yield None
        return
    stream, end = BytesIO(unpacked), len(unpacked)
    for number in range(count):
        at = stream.tell()
        try:
            if at == end:
                raise EOFError(f"the block ends before its {count} records")
            record = fastavro.schemaless_reader(stream, container.schema, None)
        except Exception as error:  # whatever the reader raises on bytes that are no record
            detail = f"record {number + 1} of {count} in a block can't be read: {_line(error)}"
            yield Broken(position, offset, unpacked[at:], "bad_avro", detail)
            return
        try:
            text = container.as_json(record)
            if len(text) > max_record_bytes:
                raise Unreadable("too_long", f"the event as JSON is longer than {max_record_bytes} bytes")
            held.add(text, position, offset)
            yield None
        except Unreadable as error:
            yield Broken(position, offset, unpacked[at : stream.tell()], error.reason, str(error))
        position += 1
    if (at := stream.tell()) < end:
        yield Broken(
            position, offset, unpacked[at:], "bad_avro", f"a block has more than its {count} records"
        )


def _at_once(container: _Container, unpacked: bytes, count: int) -> list[bytes] | None:
    """All records of a block, read as one array, which costs a third; None where one by one tells more."""
    if not 0 < count <= len(unpacked) <= AT_ONCE_BYTES:
        return None
    stream = BytesIO(_zigzag(count) + unpacked + b"\0")  # an array is its items' number, they, and a zero
    try:
        records = fastavro.schemaless_reader(stream, container.array, None)
        if not isinstance(records, list) or len(records) != count or stream.read(1):
            return None
        return [container.as_json(record) for record in records]
    except Exception:  # whatever the reader raises on bytes that are no record
        return None


def _header(window: ByteWindow) -> _Container:
    """Read the header and pass over it; what can't be read is left where it is."""
    window.holds(MOST_HEADER_BYTES)
    data, at = window.data[window.at : window.at + MOST_HEADER_BYTES], len(MAGIC)
    entries: dict[str, bytes] = {}
    while True:
        count, at = _long(data, at)
        if count < 0:  # then the size of the entries in bytes follows
            _, at = _long(data, at)
            count = -count
        if count == 0:
            break
        if count > MOST_HEADER_NAMES:
            raise Corrupt(f"it has more than {MOST_HEADER_NAMES} entries")
        for _ in range(count):
            name, at = _bytes(data, at)
            entries[name.decode("utf-8", "replace")], at = _bytes(data, at)
    sync = data[at : at + SYNC_BYTES]
    if len(sync) < SYNC_BYTES:
        raise Corrupt("it is cut off")
    codec = entries.get("avro.codec", b"null").decode("utf-8", "replace")
    if codec not in CODECS:
        raise Corrupt(f"blocks packed by {codec[:40]!r} can't be read; use one of {', '.join(CODECS)}")
    if "avro.schema" not in entries:
        raise Corrupt("it has no avro.schema")
    schema = safe_schema(entries["avro.schema"])
    window.at += at + SYNC_BYTES
    as_json: AsJson = value_json
    if holds_events(schema):
        as_json = partial(_event, is_wrapped=_data_type(schema) == _data_type(EVENT_SCHEMA))
    array = fastavro.parse_schema({"type": "array", "items": schema})
    return _Container(sync, CODECS[codec], fastavro.parse_schema(schema), array, as_json)


def _data_type(schema: Any) -> Any:
    return next(field["type"] for field in schema["fields"] if field["name"] == "data")


def _event(record: Any, *, is_wrapped: bool) -> bytes:
    """The JSON text of a record `attribute`, `data`; wrapped as the specification says, or data as it is."""
    attributes = {name: value for name, value in record["attribute"].items() if value is not None}
    data = record["data"]
    if data is None or isinstance(data, bytes | str):
        return event_json(attributes, data)
    return event_json_of_value(attributes, _plain(data) if is_wrapped else data)


def _plain(data: Any) -> Any:
    """Data as JSON has it: in Avro, each inner object is a record with one field, a map `value`."""
    if isinstance(data, dict):
        return {name: _members(item) if isinstance(item, dict) else item for name, item in data.items()}
    return [_members(item) for item in data] if isinstance(data, list) else data


def _members(record: dict[str, Any]) -> dict[str, Any]:
    """The map in such a record; a map or a list in it holds such records again."""
    found: dict[str, Any] = {}
    for name, item in record["value"].items():
        if isinstance(item, dict):
            found[name] = {key: _members(inner) for key, inner in item.items()}
        else:
            found[name] = [_members(inner) for inner in item] if isinstance(item, list) else item
    return found


def _long(data: bytes, at: int) -> tuple[int, int]:
    """The zigzag number at `at`, and where it ends."""
    value = shift = 0
    while at < len(data) and shift < 7 * LONGEST_LONG:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
    raise Corrupt("a number is cut off or too long")


def _zigzag(number: int) -> bytes:
    """A number that is not negative, as Avro writes it."""
    found, rest = bytearray(), number << 1
    while rest >= 0x80:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*found, rest])


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes with their length at `at`, and where they end."""
    size, at = _long(data, at)
    if not 0 <= size <= len(data) - at:
        raise Corrupt("it is cut off, or a length in it is wrong")
    return data[at : at + size], at + size


def _line(error: Exception) -> str:
    """What an error says, in one line of bounded length."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]

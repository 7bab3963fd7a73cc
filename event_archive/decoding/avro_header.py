"""The header of an Avro object container file, and the numbers and byte strings that Avro writes.

Belongs here: what stands before the first block (Avro 1.12, "Object Container Files"). Not here: the blocks
(`avro`), the file's schema made safe (`avro_safe_schema`), and how blocks are packed (`avro_codecs`).
"""

from dataclasses import dataclass
from typing import Any

from event_archive.decoding.avro_codecs import CODECS, Corrupt, Decompress
from event_archive.decoding.avro_safe_schema import safe_schema
from event_archive.decoding.byte_window import ByteWindow

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
MOST_HEADER_BYTES = 1 << 20
MOST_HEADER_NAMES = 1000
LONGEST_LONG = 10


@dataclass(frozen=True)
class AvroHeader:
    """What a file's header says: the marker that ends a block, how blocks are packed, what a record is."""

    sync: bytes
    decompress: Decompress
    schema: Any


def read_header(window: ByteWindow) -> AvroHeader:
    """Return the header and pass over it; one that can't be read is left where it is.

    Raises Corrupt and UnusableSchema.
    """
    window.holds(MOST_HEADER_BYTES)
    data, at = window.data[window.at : window.at + MOST_HEADER_BYTES], len(MAGIC)
    entries: dict[str, bytes] = {}
    while True:
        count, at = read_long(data, at)
        if count < 0:  # then the size of the entries in bytes follows
            _, at = read_long(data, at)
            count = -count
        if count == 0:
            break
        if count > MOST_HEADER_NAMES:
            raise Corrupt(f"it has more than {MOST_HEADER_NAMES} entries")
        for _ in range(count):
            name, at = _read_bytes(data, at)
            entries[name.decode("utf-8", "replace")], at = _read_bytes(data, at)
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
    return AvroHeader(sync, CODECS[codec], schema)


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Return the zigzag number at `at`, and where it ends; raises Corrupt."""
    value = shift = 0
    while at < len(data) and shift < 7 * LONGEST_LONG:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
    raise Corrupt("a number is cut off or too long")


def write_long(number: int) -> bytes:
    """Return a number that is not negative as Avro writes it."""
    written, rest = bytearray(), number << 1
    while rest >= 0x80:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*written, rest])


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the byte string with its length at `at`, and where it ends."""
    size, at = read_long(data, at)
    if not 0 <= size <= len(data) - at:
        raise Corrupt("it is cut off, or a length in it is wrong")
    return data[at : at + size], at + size

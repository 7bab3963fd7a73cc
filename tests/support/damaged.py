"""Damaged inputs: events in every encoding and compression, cut off, changed, or with more behind.

Belongs here: what the tests of damaged inputs share. Not here: tests.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import zstandard
from hypothesis import strategies as st

from support.encoded import as_avro, as_batch, as_delimited
from support.events import Event, lines, weighed

MARKER = bytes(range(16))
EVENTS = [weighed(number) for number in range(20)]
ENCODINGS: dict[str, Callable[[list[Event]], bytes]] = {
    "NDJSON": lines,
    "NDJSON without a line feed at the end": lambda events: lines(events)[:-1],
    "JSON array": lambda events: json.dumps(events).encode(),
    "JSON document": lambda events: json.dumps(events[0], indent=1).encode(),
    "Avro": lambda events: as_avro(events, sync_marker=MARKER),
    "Avro in small blocks": lambda events: as_avro(events, "deflate", sync_interval=500, sync_marker=MARKER),
    "Protobuf batch": as_batch,
    "Protobuf with lengths": as_delimited,
}


def halves(content: bytes) -> Iterator[bytes]:
    middle = len(content) // 2
    yield from (content[:middle], content[middle:])


def packed_by_gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def packed_in_small_blocks(content: bytes) -> bytes:
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    pieces = [content[at : at + 300] for at in range(0, len(content), 300)]
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return b"".join(packer.compress(piece) + packer.flush(flush) for piece in pieces) + packer.flush()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": packed_by_gzip,
    "gzip in members": lambda content: b"".join(map(packed_by_gzip, halves(content))),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zstd in frames": lambda content: b"".join(map(zstandard.compress, halves(content))),
    "zstd in small blocks": packed_in_small_blocks,
}


@cache
def encoded(encoding: str, packing: str) -> bytes:
    """The events in this encoding, compressed so: the same bytes each time."""
    return PACKINGS[packing](ENCODINGS[encoding](EVENTS))


@dataclass
class Damaged:
    """An input, the encoding of the events in it, and what was done to it."""

    encoding: str
    kind: str
    content: bytes


@st.composite
def damaged(draw: st.DrawFn) -> Damaged:
    """The events in some encoding and compression, with some damage or none."""
    encoding, packing = draw(st.sampled_from(sorted(ENCODINGS))), draw(st.sampled_from(sorted(PACKINGS)))
    content = encoded(encoding, packing)
    kind = draw(st.sampled_from(["whole", "cut", "changed", "wrong checksum", "more behind"]))
    at = draw(st.integers(0, len(content) - 1))
    match kind:
        case "cut":
            content = content[:at]
        case "changed":
            content = content[:at] + bytes([content[at] ^ 1 << draw(st.integers(0, 7))]) + content[at + 1 :]
        case "wrong checksum":  # of gzip, or of the last frame of zstd
            at = len(content) - (8 if packing.startswith("gzip") else 4)
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        case "more behind":
            content += draw(
                st.sampled_from([b"junk", b"\0" * 20, b"\n", content[:4], content[: len(content) // 2]])
            )
    return Damaged(encoding, kind, content)


@dataclass
class Reference:
    """What the libraries decode of a stream that is fed byte by byte; whether it is whole.

    `done`: the place up to which surely all is decoded: the byte of gzip that gave something last (its other
    bits may be of what follows), the end of the block of zstd that did, or that of the last member or frame.
    """

    decoded: bytes
    is_whole: bool
    done: int


def _gzip_decoder() -> Any:
    return zlib.decompressobj(wbits=31)


def _zstd_decoder() -> Any:
    return zstandard.ZstdDecompressor().decompressobj()


def reference(packed: bytes) -> Reference:
    """Decode byte by byte, by the libraries alone."""
    if packed.startswith(b"\x1f\x8b"):
        magic, start, behind = packed[:2], _gzip_decoder, 0
    elif packed.startswith(b"\x28\xb5\x2f\xfd"):
        magic, start, behind = packed[:4], _zstd_decoder, 1
    else:
        return Reference(packed, is_whole=True, done=len(packed))
    decoder, decoded, done = start(), b"", 0
    for at, byte in enumerate(packed):
        if decoder.eof:
            done = at
            if not magic.startswith(packed[at : at + len(magic)]):
                return Reference(decoded, is_whole=False, done=done)
            decoder = start()
        try:
            if new := decoder.decompress(bytes([byte])):
                decoded, done = decoded + new, at + behind
        except (zlib.error, zstandard.ZstdError):
            return Reference(decoded, is_whole=False, done=done)
    return Reference(decoded, decoder.eof, done)

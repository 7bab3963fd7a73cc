"""Decompression: gzip and zstd streams, recognised by their first bytes, in pieces of bounded size.

Belongs here: the list of compressions, bytes in, bytes out, and the plain words for a stream that breaks off.
Not here: records (`formats`), and packed blocks inside a file (`avro_codecs`).

To add a compression, write a function as `_gzip` is, and add an entry to `COMPRESSIONS`.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import zstandard

READ_BYTES = 1 << 20
GZIP_READ_BYTES = 16 << 10  # what was decoded in the same go is lost where a stream is corrupt
ZSTD_READ_BYTES = 512  # a zstd block of four bytes may stand for 128 KiB, so little is fed at a time
PIECE_BYTES = 4 << 20
GZIP = b"\x1f\x8b"


class Truncated(Exception):
    """The stream ends, or can't be read on, before it is complete; the message says where."""


class Readable(Protocol):
    """Anything to read bytes from."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; empty at the end."""

    def put_back(self, count: int) -> None:
        """Put back the last `count` bytes of what was just read."""


def decompressed(stream: Readable, block_bytes: int) -> Iterator[bytes]:
    """Yield the decoded bytes of a stream; raises Truncated after the last bytes that could be had.

    A stream that is not compressed comes in blocks of `block_bytes`, a compressed one in smaller pieces.
    """
    start = stream.read(READ_BYTES)
    if compression := _compression_of(start):
        yield from compression.decompress(start, stream)
    else:
        stream.put_back(len(start))
        while block := stream.read(block_bytes):
            yield block


def _gzip(block: bytes, stream: Readable) -> Iterator[bytes]:
    member, read = zlib.decompressobj(wbits=31), 0
    while block:
        at = 0
        while at < len(block):
            if member.eof:
                if not block[at : at + len(GZIP)].startswith(GZIP[: len(block) - at]):
                    raise Truncated("there are bytes after the end of the gzip stream")
                member = zlib.decompressobj(wbits=31)
            piece: bytes | memoryview = memoryview(block)[at : at + GZIP_READ_BYTES]
            at += len(piece)
            while piece:
                try:
                    decoded = member.decompress(piece, PIECE_BYTES)
                except zlib.error as error:
                    raise Truncated(f"corrupt gzip before byte {read + at}: {error}") from error
                if decoded:
                    yield decoded
                piece = b"" if member.eof else member.unconsumed_tail
            at -= len(member.unused_data)
        read += len(block)
        block = stream.read(READ_BYTES)
    if not member.eof:
        raise Truncated(f"the gzip stream ends at byte {read} before it is complete")


def _zstd(block: bytes, stream: Readable) -> Iterator[bytes]:
    frames = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    frame, read = frames.decompressobj(), 0
    while block:
        at = 0
        while at < len(block):
            if frame.eof:
                frame = frames.decompressobj()
            piece = memoryview(block)[at : at + ZSTD_READ_BYTES]
            at += len(piece)
            try:
                decoded = frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise Truncated(f"corrupt zstd before byte {read + at}: {error}") from error
            if decoded:
                yield decoded
            at -= len(frame.unused_data)
        read += len(block)
        block = stream.read(READ_BYTES)
    if not frame.eof:
        raise Truncated(f"the zstd stream ends at byte {read} before it is complete")


@dataclass(frozen=True)
class Compression:
    """One compression: the bytes that each such stream begins with, and how it is decompressed.

    `decompress` takes the first bytes of a stream and the rest of it; it yields pieces of a few MiB at most,
    and raises Truncated.
    """

    name: str
    magic: bytes
    decompress: Callable[[bytes, Readable], Iterator[bytes]]


COMPRESSIONS = (
    Compression("gzip", GZIP, _gzip),
    Compression("zstd", b"\x28\xb5\x2f\xfd", _zstd),
)


def _compression_of(start: bytes) -> Compression | None:
    return next((entry for entry in COMPRESSIONS if start.startswith(entry.magic)), None)


def is_compressed(stream: Readable) -> bool:
    """Whether `decompressed` would decompress this stream; nothing of it is taken."""
    start = stream.read(max(len(entry.magic) for entry in COMPRESSIONS))
    stream.put_back(len(start))
    return _compression_of(start) is not None

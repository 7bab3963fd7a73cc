"""Decompression: gzip and zstd streams, recognised by their first bytes, in pieces of bounded size.

Belongs here: the list of compressions, and choosing from it. Not here: the compressions themselves (a module
each, beside this one), records (`formats`), and packed blocks inside a file (`avro_codecs`).

To add a compression, write a function as `decompress_gzip` is, and add an entry to `COMPRESSIONS`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from event_archive.decoding import gzip_members, zstd_frames
from event_archive.decoding.compressed_bytes import READ_BYTES, CompressedBytes, Readable


@dataclass(frozen=True)
class Compression:
    """One compression: the bytes that each such stream begins with, and how it is decompressed.

    `decompress` yields pieces of a few MiB at most, and raises Undecodable after the last bytes that could be
    had; then it has dropped all bytes but those that gave nothing.
    """

    name: str
    magic: bytes
    decompress: Callable[[CompressedBytes], Iterator[bytes]]


COMPRESSIONS = (
    Compression("gzip", gzip_members.MAGIC, gzip_members.decompress_gzip),
    Compression("zstd", zstd_frames.MAGIC, zstd_frames.decompress_zstd),
)


def decompressed(stream: Readable) -> Iterator[bytes]:
    """Yield the decoded bytes of a compressed stream; raises Undecodable after the last that could be had."""
    start = stream.read(READ_BYTES)
    compression = _compression_of(start)
    assert compression, "the stream is not compressed"
    yield from compression.decompress(CompressedBytes(start, stream))


def _compression_of(start: bytes) -> Compression | None:
    return next((entry for entry in COMPRESSIONS if start.startswith(entry.magic)), None)


def is_compressed(stream: Readable) -> bool:
    """Whether a stream is compressed, by a compression of the list; nothing of it is taken."""
    start = stream.read(max(len(entry.magic) for entry in COMPRESSIONS))
    stream.put_back(len(start))
    return _compression_of(start) is not None

"""The codecs that an Avro file may name: how its blocks are packed, unpacked within a bound.

Belongs here: packed bytes in, unpacked bytes out. Not here: finding the blocks (`avro`), and whole
inputs that are compressed (`decompress`).
"""

import bz2
import lzma
import zlib
from collections.abc import Callable

import zstandard

from event_archive.decoding.record_chunk import too_long
from event_archive.wording import agree, format_count

ZSTD_READ_BYTES = 512  # a zstd block of four bytes may stand for 128 KiB, so little is fed at a time

Decompress = Callable[[bytes, int], bytes]
"""Unpacks a block, to so many bytes at most; raises Corrupt."""


class Corrupt(Exception):
    """Bytes that the format does not allow; the message says what is wrong."""

    reason = "bad_avro"


class TooLong(Corrupt):
    """Packed bytes that unpack to more than the bound."""

    reason = "too_long"


def _null(packed: bytes, _: int) -> bytes:
    return packed


def _deflate(packed: bytes, max_bytes: int) -> bytes:
    stream = zlib.decompressobj(wbits=-15)
    try:
        unpacked = stream.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise Corrupt(f"corrupt deflate: {error}") from error
    # fastavro leaves three bytes of zlib's checksum behind the deflate stream; they must be of these bytes.
    checksum = zlib.adler32(unpacked).to_bytes(4, "big")
    rest = b"" if checksum.startswith(stream.unused_data) else stream.unused_data
    return _whole(unpacked, stream.eof, rest, max_bytes)


def _zstandard(packed: bytes, max_bytes: int) -> bytes:
    frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    unpacked, at = bytearray(), 0
    try:
        while at < len(packed) and not frame.eof and len(unpacked) <= max_bytes:
            unpacked += frame.decompress(packed[at : at + ZSTD_READ_BYTES])
            at += ZSTD_READ_BYTES
    except zstandard.ZstdError as error:
        raise Corrupt(f"corrupt zstandard: {error}") from error
    return _whole(bytes(unpacked), frame.eof, frame.unused_data + packed[at:], max_bytes)


def _bzip2(packed: bytes, max_bytes: int) -> bytes:
    stream = bz2.BZ2Decompressor()
    try:
        unpacked = stream.decompress(packed, max_bytes + 1)
    except OSError as error:
        raise Corrupt(f"corrupt bzip2: {error}") from error
    return _whole(unpacked, stream.eof, stream.unused_data, max_bytes)


def _xz(packed: bytes, max_bytes: int) -> bytes:
    stream = lzma.LZMADecompressor(memlimit=1 << 28)
    try:
        unpacked = stream.decompress(packed, max_bytes + 1)
    except lzma.LZMAError as error:
        raise Corrupt(f"corrupt xz: {error}") from error
    return _whole(unpacked, stream.eof, stream.unused_data, max_bytes)


def _whole(unpacked: bytes, at_end: bool, rest: bytes, max_bytes: int) -> bytes:
    if len(unpacked) > max_bytes:
        raise TooLong(too_long("unpacked, it", max_bytes))
    if not at_end:
        raise Corrupt("it ends before it is complete")
    if rest:
        follow = f"{format_count(len(rest), 'byte')} {agree(len(rest), 'follows', 'follow')}"
        raise Corrupt(f"{follow} the end of what is packed")
    return unpacked


CODECS: dict[str, Decompress] = {
    "null": _null,
    "deflate": _deflate,
    "zstandard": _zstandard,
    "bzip2": _bzip2,
    "xz": _xz,
}

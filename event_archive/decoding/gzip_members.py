"""Gzip: its members one after the other, decompressed up to the very byte that can't be.

Belongs here: gzip bytes in, bytes out. Not here: other compressions (`zstd_frames`), and telling which one a
stream is of (`decompress`).

The library gives nothing of a step in which it finds a fault. So each step begins with a copy of its state:
where a step fails, or the stream ends, what came last is decoded again byte by byte.
"""

import zlib
from collections.abc import Iterator

from event_archive.decoding.compressed_bytes import CompressedBytes, Undecodable

MAGIC = b"\x1f\x8b"
STEP_BYTES = 8 << 10  # which decode to 8 MiB at most
MOST_HELD_BYTES = 1 << 20  # a header, say, may be of any length, and no symbol spans so much


def decompress_gzip(source: CompressedBytes) -> Iterator[bytes]:
    """Yield the decoded bytes in pieces of a few MiB at most; raises Undecodable."""
    while magic := source.peek(len(MAGIC)):
        if not MAGIC.startswith(magic):
            raise Undecodable(f"bytes after the end of the gzip stream, at byte {source.offset}", source)
        yield from _member(source)


def _member(source: CompressedBytes) -> Iterator[bytes]:
    """Yield what one member holds; afterwards all its bytes are dropped from `source`."""
    member = zlib.decompressobj(wbits=31)
    # The state before the last step that gave something; how much that was; the bytes fed since then.
    state, given, fed = member.copy(), 0, 0
    while not member.eof:
        before, piece = member.copy(), source.peek(STEP_BYTES, behind=fed)
        try:
            decoded = member.decompress(piece)
        except zlib.error:
            decoded = b""
            piece = b""
        if not piece:
            yield from _last_bytes(source, state, given)
            return
        if decoded or fed > MOST_HELD_BYTES:
            source.drop(fed)
            state, given, fed = before, len(decoded), 0
        fed += len(piece) - len(member.unused_data)
        if decoded:
            yield decoded
    source.drop(fed)


def _last_bytes(source: CompressedBytes, state: "zlib._Decompress", given: int) -> Iterator[bytes]:
    """Decode byte by byte from `state` on, where all but the first `given` bytes are new; raises Undecodable.

    The byte that gave something last stays in the source: some of its bits may be of what can't be decoded.
    """
    at = decoded_bytes = 0
    last_useful = 0
    fault = ""
    new: list[bytes] = []
    while byte := source.peek(1, behind=at):
        try:
            decoded = state.decompress(byte)
        except zlib.error as error:
            fault = str(error).rpartition(": ")[2]
            break
        if decoded:
            last_useful = at
            new.append(decoded[max(given - decoded_bytes, 0) :])
            decoded_bytes += len(decoded)
        at += 1
    place = source.offset + at
    source.drop(last_useful)
    if last := b"".join(new):
        yield last
    if fault:
        raise Undecodable(f"corrupt gzip at byte {place}: {fault}", source)
    raise Undecodable(f"the gzip stream ends at byte {place} before it is complete", source)

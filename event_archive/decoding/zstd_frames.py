"""Zstandard: its frames one after the other, decompressed block by block (RFC 8878).

Belongs here: zstd bytes in, bytes out. Not here: other compressions (`gzip_members`), and telling which one a
stream is of (`decompress`).

The library decodes; the blocks are found here, since a block is what it gives all or nothing of. It also
bounds what a step gives: four bytes may stand for 128 KiB, but no block for more.
"""

from collections.abc import Iterator

import zstandard

from event_archive.decoding.compressed_bytes import CompressedBytes, Undecodable

MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"  # after a byte from 0x50 to 0x5F
LARGEST_WINDOW = 1 << 27
LARGEST_BLOCK = 1 << 17
REPEATED, RESERVED = 1, 3  # types of a block
BLOCK_HEADER_BYTES = 3
SIZE_BYTES = CHECKSUM_BYTES = 4
MOST_HELD_BYTES = 1 << 20  # there may be any number of blocks that hold nothing


def decompress_zstd(source: CompressedBytes) -> Iterator[bytes]:
    """Yield the decoded bytes in pieces of 128 KiB at most; raises Undecodable."""
    while magic := source.peek(len(MAGIC)):
        if magic[1:] == SKIPPABLE and 0x50 <= magic[0] <= 0x5F:
            _skip(source)
        elif MAGIC.startswith(magic):
            yield from _Frame(source).decoded()
        else:
            raise Undecodable(f"bytes after the end of the zstd stream, at byte {source.offset}", source)


def _skip(source: CompressedBytes) -> None:
    """Pass over a skippable frame, which holds nothing that is decoded."""
    head = source.peek(len(MAGIC) + SIZE_BYTES)
    if len(head) < len(MAGIC) + SIZE_BYTES:
        raise _cut_off(source, len(head))
    source.drop(len(head))
    left = int.from_bytes(head[len(MAGIC) :], "little")
    while left:
        piece = source.peek(min(left, LARGEST_BLOCK))
        if not piece:
            raise _cut_off(source, 0)
        source.drop(len(piece))
        left -= len(piece)


def _cut_off(source: CompressedBytes, left: int) -> Undecodable:
    end = source.offset + left
    return Undecodable(f"the zstd stream ends at byte {end} before it is complete", source)


class _Frame:
    """One frame, from its first byte on. What was fed and gave nothing stays in the source for now."""

    def __init__(self, source: CompressedBytes) -> None:
        self._source = source
        self._library = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).decompressobj()
        self._fed = 0

    def decoded(self) -> Iterator[bytes]:
        """Yield what the blocks hold; afterwards all bytes of the frame are dropped."""
        has_checksum = self._header()
        is_last = False
        while not is_last:
            header = int.from_bytes(self._next(BLOCK_HEADER_BYTES), "little")
            is_last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            if kind == RESERVED or size > LARGEST_BLOCK:
                raise self._fault("no block begins so")
            if decoded := self._feed(BLOCK_HEADER_BYTES + (1 if kind == REPEATED else size)):
                yield decoded
        if has_checksum:
            self._feed(CHECKSUM_BYTES)
        self._source.drop(self._fed)

    def _header(self) -> bool:
        """Feed the frame's header; returns whether a checksum ends the frame."""
        descriptor = self._next(len(MAGIC) + 1)[-1]
        single_segment = descriptor >> 5 & 1
        content_size = (single_segment, 2, 4, 8)[descriptor >> 6]
        self._feed(len(MAGIC) + 1 + (1 - single_segment) + (0, 1, 2, 4)[descriptor & 3] + content_size)
        return bool(descriptor & 4)

    def _feed(self, count: int) -> bytes:
        """Return what the next bytes decode to."""
        data = self._next(count)
        try:
            decoded = self._library.decompress(data)
        except zstandard.ZstdError as error:
            raise self._fault(str(error).rpartition(": ")[2]) from error
        self._fed += count
        if decoded or self._fed > MOST_HELD_BYTES:
            self._source.drop(self._fed)
            self._fed = 0
        return decoded

    def _next(self, count: int) -> bytes:
        data = self._source.peek(count, behind=self._fed)
        if len(data) < count:
            raise _cut_off(self._source, self._fed + len(data))
        return data

    def _fault(self, why: str) -> Undecodable:
        place = self._source.offset + self._fed
        return Undecodable(f"corrupt zstd at byte {place}: {why}", self._source)

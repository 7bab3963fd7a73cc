"""Damaged inputs: cut off, changed, with a wrong checksum, with more behind. Not a byte of them is lost."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.decoding import compressed_bytes, decompress, gzip_members
from event_archive.decoding.byte_window import InputStart
from event_archive.decoding.formats import FORMATS, read_chunks
from event_archive.decoding.record_chunk import UNDECODABLE, ChunkBounds, UnreadableRecord
from event_archive.decoding.sources import HashingReader
from support.damaged import Damaged, damaged, reference
from support.hunting import examples

TEXTS = {"JSON array", "JSON document", "NDJSON"}


def stream(content: bytes) -> HashingReader:
    return HashingReader(io.BytesIO(content))


@contextmanager
def steps_of(step: int) -> Iterator[None]:
    """Read and decode by few bytes at a time, so that a small input takes many steps."""
    with (
        patch.object(compressed_bytes, "READ_BYTES", 3 * step),
        patch.object(decompress, "READ_BYTES", 3 * step),
        patch.object(gzip_members, "STEP_BYTES", step),
        patch.object(gzip_members, "MOST_HELD_BYTES", 400),
    ):
        yield


@given(damaged(), st.integers(4, 600))
@settings(max_examples=examples(600), deadline=None)
def test_every_byte_is_in_a_record_or_kept(damaged_input: Damaged, step: int) -> None:
    content = damaged_input.content
    expected = reference(content)
    decoded = expected.decoded
    spans: list[tuple[int, bytes]] = []
    rest: list[UnreadableRecord] = []
    with steps_of(step):
        for chunk in read_chunks(stream(content), ChunkBounds(4096, 1 << 20)):
            for row, offset in enumerate(chunk.offsets.tolist()):
                spans.append((offset, chunk.record(row)))
            for part in chunk.unreadable:
                if part.reason == UNDECODABLE:
                    rest.append(part)
                else:
                    spans.append((part.offset, part.record))
    # The compressed bytes: what could not be decoded is kept, from its first byte to the end.
    assert bool(rest) is not expected.is_whole
    if rest:
        assert b"".join(part.record for part in rest) == content[rest[0].offset :]
        assert rest[0].offset == expected.done
        assert [part.part for part in rest] == list(range(len(rest)))
    # The decoded bytes: but for what stands between records, each is in one of them.
    start = InputStart(decoded, is_all=True, bounds=ChunkBounds(4096, 1 << 20))
    if next(entry.name for entry in FORMATS if entry.sniff(start)) in TEXTS:
        left = bytearray(decoded)
        for offset, record in spans:
            at = decoded.index(record, offset)
            assert not decoded[offset:at].strip(b" \t\r\n")
            left[at : at + len(record)] = b" " * len(record)
        assert not left.strip(b" \t\r\n,[]"), bytes(left)

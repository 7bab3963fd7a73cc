"""From bytes to records: each with its place, whatever the form, the compression and the size of a chunk."""

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from unittest.mock import patch

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.decoding import byte_window, compressed_bytes, decompress
from event_archive.decoding import json as json_lines
from event_archive.decoding import record_chunk as chunk
from event_archive.decoding.compressed_bytes import Undecodable
from event_archive.decoding.decompress import decompressed
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import ChunkBounds, UnreadableRecord
from event_archive.decoding.sources import HashingReader
from support.hunting import examples

MARK = b"\xef\xbb\xbf"
Records = list[tuple[int, int, bytes]]


def stream(content: bytes) -> HashingReader:
    return HashingReader(io.BytesIO(content))


def cut(
    content: bytes, size: int = 1 << 16, longest: int = 1 << 20
) -> tuple[Records, list[UnreadableRecord]]:
    """The records of some bytes with position and offset, without empty lines; and what is broken."""
    records: Records = []
    unreadable: list[UnreadableRecord] = []
    read = stream(content)
    with (
        patch.object(decompress, "READ_BYTES", max(size, 4)),
        patch.object(compressed_bytes, "READ_BYTES", max(size, 4)),
        patch.object(chunk, "CACHED_BYTES", size),
        patch.object(json_lines, "CACHED_BYTES", size),
        patch.object(chunk, "PART_BYTES", max(size, 4)),
        patch.object(byte_window, "PART_BYTES", max(size, 4)),
    ):
        for piece in read_chunks(read, ChunkBounds(size, longest)):
            for row, place in enumerate(zip(piece.positions.tolist(), piece.offsets.tolist(), strict=True)):
                if piece.record(row):
                    records.append((*place, piece.record(row)))
            unreadable += piece.unreadable
    read.read_to_end()
    assert (read.bytes, read.digest()) == (len(content), hashlib.sha256(content).hexdigest())
    return records, unreadable


def whole(content: bytes, **bounds: int) -> Records:
    records, unreadable = cut(content, **bounds)
    assert not unreadable
    return records


LINES = b'{"a":1}\n{"b":2}\n'
FORMS: dict[str, tuple[bytes, Records]] = {
    "lines": (LINES, [(1, 0, b'{"a":1}'), (2, 8, b'{"b":2}')]),
    "no line feed at the end": (LINES[:-1], [(1, 0, b'{"a":1}'), (2, 8, b'{"b":2}')]),
    "carriage returns": (LINES.replace(b"\n", b"\r\n"), [(1, 0, b'{"a":1}'), (2, 9, b'{"b":2}')]),
    "a byte order mark": (MARK + LINES, [(1, 3, b'{"a":1}'), (2, 11, b'{"b":2}')]),
    "empty lines": (b"\n \n\r\n" + LINES + b"\n\n", [(4, 5, b'{"a":1}'), (5, 13, b'{"b":2}')]),
    "one line": (b'{"a":1}', [(1, 0, b'{"a":1}')]),
    "an array": (b' [{"a":1}, \n {"b":2}]\n', [(1, 2, b'{"a":1}'), (2, 13, b'{"b":2}')]),
    "an array after a byte order mark": (MARK + b'[{"a":1}]', [(1, 4, b'{"a":1}')]),
    "an array of anything": (
        b'[1,"],[",[2,[]],null]',
        [(1, 1, b"1"), (2, 3, b'"],["'), (3, 9, b"[2,[]]"), (4, 16, b"null")],
    ),
    "an empty array": (b"[ ]", []),
    "one document on several lines": (b'{\n "a": 1\n}\n', [(1, 0, b'{\n "a": 1\n}')]),
    "one document after a byte order mark": (MARK + b'{\n "a": 1\n}\n', [(1, 3, b'{\n "a": 1\n}')]),
    "documents on several lines": (b"{\n}\n{\n}", [(1, 0, b"{\n}"), (2, 4, b"{\n}")]),
    "arrays on lines": (b'{"a":1}\n[{"b":2}]\n', [(1, 0, b'{"a":1}'), (2, 8, b'[{"b":2}]')]),
    "other line ends": (b'{"a":"\xe2\x80\xa8"}\x0b\x0c\x85\n', [(1, 0, b'{"a":"\xe2\x80\xa8"}\x0b\x0c\x85')]),
    "not UTF-8": (
        b'{"a":1}\n{"\xff":2}\r\n{"c":3}',
        [(1, 0, b'{"a":1}'), (2, 8, b'{"\xff":2}'), (3, 17, b'{"c":3}')],
    ),
    "nothing": (b"", []),
    "white space": (b" \r\n\t\n", []),
    "a byte order mark alone": (MARK, []),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", ["plain", "gzip", "zstd", "gzip in members", "zstd in frames"])
def test_records_have_their_places(form: str, packed: str) -> None:
    content, records = FORMS[form]
    half = len(content) // 2
    wrapped = {
        "plain": content,
        "gzip": gzip.compress(content),
        "zstd": zstandard.compress(content),
        "gzip in members": gzip.compress(content[:half]) + gzip.compress(content[half:]),
        "zstd in frames": zstandard.compress(content[:half]) + zstandard.compress(content[half:]),
    }[packed]
    assert whole(wrapped) == records


@given(
    st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b" ")), max_size=12),
    st.integers(1, 40),
)
@settings(max_examples=examples(300))
def test_lines_are_cut_alike_in_chunks_of_any_size(lines: list[bytes], size: int) -> None:
    content = b"{}\n" + b"\n".join(lines)
    records = whole(content, size=size)
    for position, offset, record in records:
        line = ([b"{}", *lines])[position - 1]
        assert record in (line.strip(b" \t\r\n"), line.strip(b"\r\n"))
        assert content[offset:].startswith(line)
    empty = sum(not line.strip(b" \t\r") for line in lines)
    assert len(records) == 1 + len(lines) - empty


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a"\\]}[{,: é😀\n')),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text('a"]'), inside, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=6), st.sampled_from([None, 1]), st.booleans(), st.integers(1, 60))
@settings(max_examples=examples(300))
def test_an_array_is_cut_where_its_elements_end(
    values: list[object], indent: int | None, ascii_only: bool, size: int
) -> None:
    content = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    records = whole(content, size=size)
    assert [json.loads(record) for _, _, record in records] == values
    assert [position for position, _, _ in records] == list(range(1, len(values) + 1))
    assert all(content[offset : offset + len(record)] == record for _, offset, record in records)


@pytest.mark.parametrize(
    "content", [b"\n" * 5000, b"{}\n" * 5000, b"[" + b"1," * 5000 + b"1]"], ids=["blank", "lines", "array"]
)
def test_many_small_records_make_small_chunks(content: bytes) -> None:
    with patch.object(chunk, "CACHED_BYTES", 64):
        sizes = [len(piece.positions) for piece in read_chunks(stream(content), ChunkBounds(1280, 1 << 20))]
    assert max(sizes) <= 10 + 64
    assert sum(sizes) in (5000, 5001)


LONG = b'{"a":"' + b"x" * 500 + b'"}'


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 10_000])
def test_a_long_line_is_rejected_in_parts_and_the_rest_goes_on(size: int) -> None:
    content = b'{"a":1}\n' + LONG + b'\n{"b":2}\n' + LONG
    records, unreadable = cut(content, size=size, longest=100)
    assert records == [(1, 0, b'{"a":1}'), (3, 517, b'{"b":2}')]
    assert {(piece.position, piece.reason) for piece in unreadable} == {(2, "too_long"), (4, "too_long")}
    for position in (2, 4):
        parts = [piece for piece in unreadable if piece.position == position]
        assert [piece.part for piece in parts] == list(range(len(parts)))
        assert b"".join(piece.record for piece in parts).rstrip(b"\n") == LONG
        assert content[parts[0].offset :].startswith(LONG)
        assert max(len(piece.record) for piece in parts) <= max(size, 4)


BROKEN = {
    "an array that never closes": (b'[{"a":1},{"b":', [(2, 9, b'{"b":', "truncated")], 1),
    "an array that just opens": (b"[", [(1, 1, b"", "truncated")], 0),
    "text that never closes": (b'[{"a":1},"b,c]', [(2, 9, b'"b,c]', "truncated")], 1),
    "lines after an array": (b'[{"a":1}]\n{"b":2}\n', [(2, 9, b'{"b":2}', "after_array")], 1),
    "lines long after an array": (b'[{"a":1}]' + b" " * 5000 + b"{}", [(2, 9, b"{}", "after_array")], 1),
    "an array after an array": (b'[{"a":1}][{"b":2}]', [(2, 9, b'[{"b":2}]', "after_array")], 1),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_breaks_an_array_is_kept(case: str, size: int) -> None:
    content, expected, intact = BROKEN[case]
    records, unreadable = cut(content, size=size)
    assert len(records) == intact
    (position, offset, rest, reason) = expected[0]
    assert {(piece.position, piece.reason) for piece in unreadable} == {(position, reason)}
    unread = b"".join(piece.record for piece in unreadable)
    assert unread.strip() == rest
    assert content[unreadable[0].offset :] == unread
    assert not content[offset : unreadable[0].offset].strip()


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}


VALUES = [f'{{"a":{number * 7919 % 100_003}}}'.encode() for number in range(3000)]


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize(
    "content", [b"\n".join(VALUES), b"[" + b",".join(VALUES) + b"]"], ids=["lines", "array"]
)
def test_a_stream_that_breaks_off_keeps_what_came_before(packer: str, content: bytes) -> None:
    packed = PACKERS[packer](content)
    for end in (len(packed) * 9 // 10, len(packed) - 1):
        records, unreadable = cut(packed[:end], size=500)
        assert [record for _, _, record in records] == VALUES[: len(records)]
        tail = [piece for piece in unreadable if piece.reason == "truncated"]
        rest = [piece for piece in unreadable if piece.reason == "undecodable"]
        assert unreadable == [*tail, *rest]
        assert all(f"the {packer} stream ends at byte {end} " in piece.detail for piece in unreadable)
        assert not tail or content[tail[0].offset :].startswith(b"".join(piece.record for piece in tail))
        assert packed[rest[0].offset : end] == b"".join(piece.record for piece in rest)
        assert {piece.position for piece in rest} == {len(records) + bool(tail) + 1}
    assert [(piece.reason, piece.record) for piece in cut(packed[:5])[1]] == [("undecodable", packed[:5])]


@pytest.mark.parametrize("packer", PACKERS)
def test_other_bytes_after_a_compressed_stream_are_told(packer: str) -> None:
    for junk in (b"junk", b"\n", b"\x1f", b"\0" * 10):
        records, unreadable = cut(PACKERS[packer](LINES) + junk)
        assert [record for _, _, record in records] == [b'{"a":1}', b'{"b":2}']
        assert [(piece.reason, piece.record) for piece in unreadable] == [("undecodable", junk)]


def test_a_wrong_checksum_takes_no_record_away() -> None:
    packed = bytearray(gzip.compress(LINES * 1000))
    packed[-6] ^= 1
    records, ((rest),) = cut(bytes(packed))
    assert len(records) == 2000
    assert (rest.position, rest.reason) == (2001, "undecodable")
    assert rest.record[-8:] == packed[-8:]
    assert rest.detail.startswith(f"corrupt gzip at byte {len(packed) - 5}: incorrect data check; ")


@pytest.mark.parametrize("packer", PACKERS)
def test_a_bomb_comes_in_pieces_of_bounded_size(packer: str) -> None:
    packed = PACKERS[packer](bytes(64 << 20))
    sizes = [len(piece) for piece in decompressed(stream(packed))]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= 16 << 20


def test_a_window_larger_than_memory_is_rejected() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(Undecodable, match="corrupt zstd"):
        list(decompressed(HashingReader(io.BytesIO(packer.compress(LINES) + packer.flush()))))

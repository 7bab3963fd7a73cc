"""JSON texts that no line feed parts: given documents in any packing, expect the records of NDJSON."""

import gzip
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import ChunkBounds, UnreadableRecord
from event_archive.decoding.sources import HashingReader
from support.hunting import examples

Read = tuple[list[tuple[int, int, bytes]], list[UnreadableRecord]]


def read(content: bytes, *, size: int = 4096, longest: int = 1 << 20) -> Read:
    """Position, offset and bytes of each record, and what is none, put together from its parts."""
    records: list[tuple[int, int, bytes]] = []
    parts: list[UnreadableRecord] = []
    for chunk in read_chunks(HashingReader(io.BytesIO(content)), ChunkBounds(size, longest)):
        for row, place in enumerate(zip(chunk.positions.tolist(), chunk.offsets.tolist(), strict=True)):
            if record := chunk.record(row):
                records.append((*place, record))
        for part in chunk.unreadable:
            if part.part:
                parts[-1] = replace(parts[-1], record=parts[-1].record + part.record)
            else:
                parts.append(part)
    return records, parts


def values(content: bytes, **bounds: int) -> list[Any]:
    return [json.loads(record) for _, _, record in read(content, **bounds)[0]]


def faults(content: bytes, **bounds: int) -> list[tuple[int, int, str, bytes]]:
    return [(part.position, part.offset, part.reason, part.record) for part in read(content, **bounds)[1]]


NAMES = st.text(st.characters(codec="utf-8"), max_size=4)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-999, 999)
    | st.text(st.sampled_from('{}[]"\\,:a é\n\x1e'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=8)
GAPS = ["", " ", "\n", "\r\n", "\n\n", "\t", " \n "]


@given(
    DOCUMENTS, st.data(), st.sampled_from([1, 5, 64, 4096]), st.sampled_from(["", "\ufeff"]), st.booleans()
)
@settings(max_examples=examples(120), deadline=None)
def test_documents_in_any_packing_come_back_as_they_do_from_lines(
    documents: list[Any], data: st.DataObject, size: int, mark: str, packed: bool
) -> None:
    text, places = mark, []
    for number, document in enumerate(documents):
        # After the first, no line feed: else they are lines, of which one may hold two records.
        text += data.draw(st.sampled_from([gap for gap in GAPS if number != 1 or "\n" not in gap]))
        places.append(len(text.encode()))
        text += json.dumps(
            document, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1]))
        )
    text += data.draw(st.sampled_from(GAPS))
    content = gzip.compress(text.encode()) if packed else text.encode()
    records, unreadable = read(content, size=max(size, len(content)))
    assert [json.loads(record) for _, _, record in records] == documents
    assert unreadable == []
    as_lines = "".join(json.dumps(document) + "\n" for document in documents).encode()
    assert values(as_lines) == documents
    for place, (_, offset, record) in zip(places, records, strict=True):
        assert offset <= place  # of a line with blanks before its text it is that of the line
        assert text.encode()[offset:].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(record)
    sequence = "".join(f"\x1e{json.dumps(document, indent=1)}\n" for document in documents).encode()
    records, unreadable = read(sequence, size=size)
    assert [json.loads(record) for _, _, record in records] == documents
    assert [position for position, _, _ in records] == [*range(1, len(documents) + 1)]
    assert unreadable == []


def test_chunks_may_be_smaller_than_documents() -> None:
    documents = [{"a": {"b": "x" * number}} for number in range(300)]
    content = "".join(
        json.dumps(document, indent=number % 3 or None) for number, document in enumerate(documents)
    )
    assert values(content.encode(), size=1 << 17) == documents
    assert read(content.encode(), size=1 << 17, longest=1 << 12)[1] == []


PRETTY = b'{\n  "a": 1\n}\n'


def test_a_document_that_lost_its_end_costs_itself_alone() -> None:
    content = PRETTY + b'{\n  "a": {"b": "half\n' + PRETTY + b'{"c": {}}' + PRETTY
    assert values(content) == [{"a": 1}, {"a": 1}, {"c": {}}, {"a": 1}]
    assert faults(content) == [(2, len(PRETTY), "truncated", b'{\n  "a": {"b": "half\n')]
    last = b'{"a": 1}{"a": [2}, '
    assert values(last) == [{"a": 1}]
    assert faults(last) == [(2, 8, "truncated", b'{"a": [2}, ')]


def test_each_that_lost_its_end_costs_itself_and_what_looks_right_is_looked_at_a_few_times() -> None:
    for broken in (b"{\n", b'{"a": 1,\n', b'{"a": "b\n'):
        content = PRETTY + broken * 3000 + PRETTY
        assert values(content) == [{"a": 1}] * 2
        assert [fault[3] for fault in faults(content)] == [broken] * 3000
    nested = b'{"a": \n'  # an object may follow, so that each is looked at to the end
    content = PRETTY + nested * 30
    assert b"".join(fault[3] for fault in faults(content)) == nested * 30
    assert len(faults(content)) == 5
    assert values(PRETTY + b'{"a":\n{"b": 1}}\n{"c": 2}') == [{"a": 1}, {"a": {"b": 1}}, {"c": 2}]


def test_garbage_between_documents_is_kept() -> None:
    content = b'{"a": 1}{"a": 2} oops, {"a": 3}\x1e{"a": 4}end'
    assert values(content) == [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]
    assert faults(content) == [
        (3, 17, "between_documents", b"oops, "),
        (6, len(content) - 3, "between_documents", b"end"),
    ]
    assert values(b'{"a": 1}oops{"a": 2}') == [{"a": 1}, {"a": 2}]


def test_a_document_that_is_wrong_inside_is_a_record_for_others_to_judge() -> None:
    content = b'{"a": 1}{"a": tru}{"a": 3}'
    assert [(position, record) for position, _, record in read(content)[0]][1] == (2, b'{"a": tru}')


@pytest.mark.parametrize("size", [64, 4096])
def test_a_document_that_is_too_long_is_kept_in_parts(size: int) -> None:
    long = b'{"a": "' + b"x" * 3000 + b'"}'
    content = b'{"a": 1}{"a": 2}' + long + PRETTY
    first = [{"a": 1}, {"a": 2}]
    records, unreadable = read(content, size=size, longest=600)
    assert [json.loads(record) for _, _, record in records][:2] == first
    assert unreadable[0].reason == "too_long"
    assert b"".join(part.record for part in unreadable).startswith(long)
    sequence = b"\x1e{}\n\x1e" + long + b'\n\x1e{"b": 1}\n'
    assert values(sequence, size=size, longest=600) == [{}, {"b": 1}]
    assert [(fault[0], fault[2]) for fault in faults(sequence, size=size, longest=600)] == [(2, "too_long")]


def test_a_sequence_that_breaks_off_says_so() -> None:
    content = b'\x1e{"a": 1}\n\x1e\x1e{"a": tru}\n\x1e{"a": 3'
    assert [record for _, _, record in read(content)[0]] == [b'{"a": 1}', b'{"a": tru}']
    assert faults(content) == [(3, content.rindex(b"{"), "truncated", b'{"a": 3')]


@pytest.mark.parametrize(
    "first",
    [
        b'{"a": 1',
        b'{"a": 1}}',
        b'{"a": 1} // one',
        b'{"a": {"b": 1}',
        b'"a": 1}',
        b'{"a": 1},',
        b"oops",
        b'{"a: 1}',
        b"{",
    ],
)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_lines_of_which_one_is_damaged_are_lines(first: bytes, before: int) -> None:
    lines = [b'{"b": %d}' % number for number in range(5)]
    content = b"\n".join([*lines[:before], first, *lines[before:]]) + b"\n"
    records, unreadable = read(content)
    assert unreadable == []
    assert [record for _, _, record in records] == [*lines[:before], first, *lines[before:]]
    assert [position for position, _, _ in records] == [*range(1, 7)]

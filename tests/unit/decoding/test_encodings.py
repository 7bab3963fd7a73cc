"""CloudEvents in Avro and Protobuf: the same events as in JSON, and what is unreadable is rejected.

Not here: JSON (`test_decoding`), and the same company's events in all encodings (`tests/pipeline`).
"""

import bz2
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fastavro
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive import Source, land
from event_archive.decoding import avro_codecs
from event_archive.decoding import avro_header as header_module
from event_archive.decoding.avro_safe_schema import CLOUD_EVENT
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import ChunkBounds, UnreadableRecord
from event_archive.decoding.sources import HashingReader
from event_archive.mapping.mapping import load_mapping
from support.encoded import (
    as_avro,
    as_batch,
    as_delimited,
    as_json,
    attributes_of,
    avro_header,
    delimited,
    message,
    varint,
    zigzag,
)
from support.events import archived, land_bytes, lost, new_archive, rejected, weighed
from support.hunting import examples

EVENTS = [
    weighed(1, objectversion=1, data={"price": "12.50", "tags": ["a", "ü"], "address": {"street": "Ö 1"}}),
    weighed(2, time="2026-01-02T10:00:00.123456+02:00", correlationid="c", extension="e"),
    lost(3, flag=True, count=-7),
]
ENCODINGS: dict[str, Callable[[Any], bytes]] = {
    "json": as_json,
    "avro": as_avro,
    "protobuf batch": as_batch,
    "protobuf with lengths": as_delimited,
}
OTHERS = [name for name in ENCODINGS if name != "json"]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


def cut(
    content: bytes, size: int = 1 << 16, longest: int = 1 << 20
) -> tuple[list[bytes], list[UnreadableRecord]]:
    """The records of some bytes as JSON text, and what is broken."""
    records, unreadable = [], []
    for piece in read_chunks(HashingReader(io.BytesIO(content)), ChunkBounds(size, longest)):
        records += [piece.record(row) for row in range(len(piece.positions)) if piece.record(row)]
        unreadable += piece.unreadable
    return records, unreadable


def documents(content: bytes) -> list[Any]:
    records, unreadable = cut(content)
    assert not unreadable
    return [json.loads(record, parse_float=Decimal) for record in records]


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("encoding", OTHERS)
def test_the_same_events_in_another_encoding_are_duplicates(
    tmp_path: Path, encoding: str, packed: str
) -> None:
    archive = new_archive(tmp_path)
    assert land_bytes(archive, as_json(EVENTS)).counts.accepted == len(EVENTS)
    before = archived(archive)
    counts = land_bytes(archive, PACKED[packed](ENCODINGS[encoding](EVENTS)), "again").counts
    assert (counts.received, counts.duplicate) == (len(EVENTS), len(EVENTS)), rejected(archive)
    assert archived(archive) == before


@pytest.mark.parametrize("encoding", OTHERS)
def test_events_land_from_an_encoding_alone(tmp_path: Path, encoding: str) -> None:
    first, other = new_archive(tmp_path / "first"), new_archive(tmp_path / "other")
    land_bytes(first, as_json(EVENTS))
    assert land_bytes(other, ENCODINGS[encoding](EVENTS)).counts.accepted == len(EVENTS)
    assert archived(other) == archived(first)


def packed_avro(events: Any, codec: str) -> bytes:
    """An Avro file of one block for each event; fastavro itself packs zstandard with later Pythons only."""
    if codec != "zstandard":
        return as_avro(events, codec, sync_interval=1)
    blocks = b""
    for block in fastavro.block_reader(io.BytesIO(as_avro(events, sync_interval=1))):
        raw = zstandard.compress(block.bytes_.getvalue())  # type: ignore[attr-defined]
        blocks += zigzag(block.num_records) + zigzag(len(raw)) + raw + b"S" * 16
    return avro_header(CLOUD_EVENT, codec) + blocks


CODECS = ["deflate", "zstandard", "bzip2", "xz"]


@pytest.mark.parametrize("codec", CODECS)
def test_an_avro_file_may_be_packed(codec: str) -> None:
    assert documents(packed_avro(EVENTS, codec)) == documents(as_avro(EVENTS))


JSON_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.dictionaries(
    JSON_TEXTS,
    st.recursive(
        st.none() | st.booleans() | NUMBERS | JSON_TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
ATTRIBUTES = st.dictionaries(
    st.from_regex(r"x[a-z0-9]{1,8}", fullmatch=True),
    st.booleans() | st.integers(-(2**31), 2**31 - 1) | JSON_TEXTS.filter(bool),
    max_size=4,
)


@given(st.lists(st.builds(lambda data, more: lost(1, **more) | {"data": data}, DATA, ATTRIBUTES), min_size=1))
@settings(deadline=None)
def test_any_event_is_the_same_document_in_every_encoding(events: list[Any]) -> None:
    expected = documents(as_json(events))
    for event in expected:  # the SDK spells the moment in its own way; it is compared where events land
        event["time"] = "2026-01-02T09:14:07.250Z"
    for encoding in OTHERS:
        decoded = documents(ENCODINGS[encoding](events))
        for event in decoded:
            event["time"] = "2026-01-02T09:14:07.250Z"
        assert decoded == expected, encoding


@given(
    st.sampled_from(OTHERS),
    st.integers(0, 2000),
    st.sampled_from(["cut", "flip", "insert"]),
    st.integers(1, 255),
    st.sampled_from([200, 1 << 16]),
)
@settings(deadline=None, max_examples=examples(300))
def test_no_byte_is_lost_or_raises_whatever_happens_to_a_file(
    encoding: str, at: int, what: str, by: int, size: int
) -> None:
    whole = ENCODINGS[encoding](EVENTS)
    at %= len(whole)
    changed = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ by]) + whole[at + 1 :],
        "insert": whole[:at] + bytes([by]) + whole[at:],
    }[what]
    records, unreadable = cut(changed, size)
    untouched = {json.dumps(event, sort_keys=True) for event in documents(whole)}
    intact = sum(
        json.dumps(json.loads(record), sort_keys=True) in untouched for record in records if _is_json(record)
    )
    # Some event is gone, and no other one stands for it.
    if intact < len(untouched) and intact == len(records):
        assert unreadable or what == "cut"  # a file that was cut between two events is a shorter file


def _is_json(record: bytes) -> bool:
    try:
        json.loads(record)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("encoding", OTHERS)
def test_where_the_input_is_cut_into_pieces_changes_nothing(encoding: str) -> None:
    events = EVENTS * 5  # several pieces of each size
    content = ENCODINGS[encoding](events)
    if encoding == "avro":
        content = as_avro(events, sync_interval=1)
    expected = cut(content)
    assert len(expected[0]) == len(events)
    assert len(content) > 3 * 700
    with patch.object(
        header_module, "MOST_HEADER_BYTES", FIRST_SYNC + 16
    ):  # or all of it is read with the header
        for size in range(300, 700):  # the first piece must hold what tells the encoding
            assert cut(content, size) == expected, size


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("raw", [b"", b"x", b"events " * 1000])
def test_what_is_packed_ends_where_its_block_ends(codec: str, raw: bytes) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {
        "deflate": lambda some: zlib.compress(some)[2:-1],  # as fastavro packs it, with three bytes too many
        "zstandard": zstandard.compress,
        "bzip2": bz2.compress,
        "xz": lzma.compress,
    }
    packed = pack[codec](raw)
    assert avro_codecs.CODECS[codec](packed, 10_000) == raw
    end = packed[:-4] if codec == "deflate" else packed[:-1]
    for damaged in (end, packed + b"lost", packed + packed):
        with pytest.raises(avro_codecs.Corrupt):
            avro_codecs.CODECS[codec](damaged, 10_000)


def test_a_count_that_lies_is_not_believed(tmp_path: Path) -> None:
    body = b"x" * ((1 << 20) + 1)
    first = AVRO[: FIRST_SYNC + 16]
    lying = (zigzag(1 << 62) + zigzag(len(body)) + body + AVRO[-16:]) * 2
    archive = new_archive(tmp_path)
    content = first + lying + AVRO[FIRST_SYNC + 16 :]
    counts = land_bytes(archive, content, "events.avro", max_record_bytes=1 << 20).counts
    assert (counts.received, counts.accepted, counts.rejected) == (len(EVENTS) + 2, len(EVENTS), 2)


def test_data_may_be_an_avro_value_with_objects_inside() -> None:
    data = {
        "place": "Ulm",
        "count": 3.0,
        "ratio": 0.1,
        "gone": None,
        "more": {"value": {"a": [{"value": {"b": True}}]}},
    }
    file = io.BytesIO()
    fastavro.writer(file, CLOUD_EVENT, [{"attribute": attributes_of(lost(1)), "data": data}])
    (event,) = documents(file.getvalue())
    expected = {
        "place": "Ulm",
        "count": 3,
        "ratio": Decimal("0.1"),
        "gone": None,
        "more": {"a": [{"b": True}]},
    }
    assert event["data"] == expected


MAPPING = """
choose: kind
event:
  id: id
  source: {$constant: "urn:shop"}
  time: {$constant: "2026-01-01T00:00:00Z"}
  actor: {clerk: id}
  object: {parcel: id}
rules:
  order:
    type: parcel.lost.v1
    data: {place: {$constant: Ulm}}
"""


def rejections_of(tmp_path: Path, content: bytes, **limits: Any) -> list[tuple[str, str]]:
    """Land some bytes; what was refused, and every record must be accounted for."""
    archive = new_archive(tmp_path)
    counts = land_bytes(archive, content, "events", **limits).counts
    rejections = rejected(archive)
    assert counts.received == counts.accepted + counts.duplicate + counts.rejected
    assert len([piece for piece in rejections if piece.part == 0]) == counts.rejected
    return [(piece.reason, piece.detail) for piece in rejections]


def other_schema() -> bytes:
    schema: Any = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
    schema["fields"] += [{"name": "kind", "type": "string"}]
    file = io.BytesIO()
    fastavro.writer(file, schema, [{"id": number, "kind": "order"} for number in (1, 2)])
    return file.getvalue()


NODE = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
AVRO = as_avro(EVENTS, sync_interval=1)
FIRST_SYNC = AVRO.find(AVRO[-16:])
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a foreign schema": (other_schema(), "specversion"),
    "an unknown codec": (avro_header(NODE, "lz77"), "'lz77' can't be read"),
    "a schema that is no JSON": (avro_header("{"), "no JSON"),
    "a schema that is too deep": (avro_header("[" * 100_000), ""),
    "an undefined type": (
        avro_header({"type": "record", "name": "R", "fields": [{"name": "a", "type": "X"}]}),
        "'X'",
    ),
    "a header that is cut off": (AVRO[:40], "cut off"),
    "a file that ends within a block": (AVRO[:-30], "the input ends before"),
    "a wrong marker": (AVRO.replace(AVRO[-16:], b"?" * 16, 2).replace(b"?" * 16, AVRO[-16:], 1), "marker"),
    "a block that claims too much": (avro_header(CLOUD_EVENT) + zigzag(1) + zigzag(1 << 50), "longer than"),
    "a block that claims less than nothing": (
        avro_header(CLOUD_EVENT) + zigzag(1) + zigzag(-5) + b"x" * 50,
        "negative",
    ),
    "more records than bytes": (
        avro_header(CLOUD_EVENT) + zigzag(1 << 60) + zigzag(0) + b"S" * 16,
        "ends before its",
    ),
    "corrupt deflate": (
        avro_header(CLOUD_EVENT, "deflate") + zigzag(1) + zigzag(4) + b"\xff" * 4 + b"S" * 16,
        "deflate",
    ),
    "records nested without end": (
        avro_header(NODE) + zigzag(1) + zigzag(100_000) + b"\2" * 100_000 + b"S" * 16,
        "",
    ),
    "a length that lies": (as_delimited(EVENTS) + b"\x7f\x0a\x01", "the input ends before"),
    "a length of many gigabytes": (as_delimited(EVENTS) + varint(1 << 40) + b"\x0a", "longer than"),
    "a length without end": (as_batch(EVENTS) + b"\x0a" + b"\xff" * 20, "no events with their lengths"),
    "an unknown field": (
        as_delimited(EVENTS) + delimited(message(lost(9)).SerializeToString() + b"\xf8\x01\x01"),
        "field 31",
    ),
    "text that is not UTF-8": (as_delimited(EVENTS) + delimited(b"\x0a\x01\xff"), "not UTF-8"),
    "a field twice": (
        as_delimited(EVENTS) + delimited(message(lost(9)).SerializeToString() + b"\x0a\x01z"),
        "second time",
    ),
}


def test_a_mapping_makes_events_of_an_avro_file_of_another_schema(tmp_path: Path) -> None:
    archive = new_archive(tmp_path)
    path, mapping = tmp_path / "orders.avro", tmp_path / "mapping.yaml"
    path.write_bytes(other_schema())
    mapping.write_text(MAPPING, encoding="utf-8")
    counts = land(archive, Source(path.name, path), mapping=load_mapping(mapping)).counts
    assert (counts.received, counts.accepted) == (2, 2), rejected(archive)
    assert {identifier for _, identifier in archived(archive)} == {"1", "2"}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bytes_are_rejected_with_a_reason(tmp_path: Path, case: str) -> None:
    content, expected = HOSTILE[case]
    rejections = rejections_of(tmp_path, content)
    assert rejections
    assert any(expected in detail for _, detail in rejections), rejections


@pytest.mark.parametrize("pack", [as_avro, as_delimited, as_batch], ids=["avro", "lengths", "batch"])
def test_the_rest_of_a_file_lands_beside_a_bad_event(tmp_path: Path, pack: Callable[[Any], bytes]) -> None:
    events = [weighed(1), weighed(2, data={"grams": "heavy"}), weighed(3)]
    ((reason, detail),) = rejections_of(tmp_path, pack(events))
    assert reason == "contract_violation"
    assert "grams" in detail


def test_blocks_after_an_unreadable_one_land(tmp_path: Path) -> None:
    unreadable = bytearray(AVRO)
    unreadable[FIRST_SYNC + 16 + 3] ^= 0xFF  # within the first block after the header
    archive = new_archive(tmp_path)
    counts = land_bytes(archive, bytes(unreadable), "events.avro").counts
    assert counts.accepted == len(EVENTS) - 1
    assert counts.rejected >= 1


@pytest.mark.parametrize("codec", CODECS)
def test_a_block_that_unpacks_to_gigabytes_is_rejected(tmp_path: Path, codec: str) -> None:
    event = lost(1) | {"data": {"place": "x" * 60_000_000}}
    ((reason, detail),) = rejections_of(tmp_path, packed_avro([event], codec), max_record_bytes=1 << 20)
    assert reason == "too_long"
    assert "longer than 1048576 bytes" in detail
    assert "FACTLOG_MAX_RECORD" in detail


def test_json_is_never_taken_for_protobuf() -> None:
    for text in (b"\n{}", b"\n\n\n{}\n", b"{\n\x12}", b'\n "\\u001a"', b"\n[1]"):
        records, unreadable = cut(text)
        assert records
        assert not unreadable

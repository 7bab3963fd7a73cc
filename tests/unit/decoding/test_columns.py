"""Events that are read in columns are those that are read one by one: the same records, refusals and places.

Not here: what each of the encodings means (`test_encodings`). The reading one by one is the rule, and what is
compared with: files of events of many kinds, cut, changed and with numbers that lie.
"""

import io
import tracemalloc
import zlib
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.decoding import avro, protobuf, protobuf_event
from event_archive.decoding.avro_columns import EventColumns
from event_archive.decoding.avro_safe_schema import CLOUD_EVENT
from event_archive.decoding.formats import read_chunks
from event_archive.decoding.record_chunk import ChunkBounds
from event_archive.decoding.sources import HashingReader
from support.encoded import avro_header, delimited, sized, varint, zigzag
from support.hunting import examples

NAMES = ["id", "source", "specversion", "type", "time", "actor", "object", "x", "objectversion", "größe"]
TEXTS = st.sampled_from(
    ["", "a", "1.0", "customer/c_1", "Ö/ü", "\x7f", 'a "b"', "a\\b", "a\nb", "\0", "\u2028"]
)
SOUND_DATA = ['{"a":1}', '{"a": 1, "b": [2]}', "{}", "[1, 2]", '"ü"', '{\n  "a": 1\n}', "1e400", '{"a":1.0}']
DATA = st.sampled_from(
    [
        *SOUND_DATA,
        *SOUND_DATA,
        '{"a\\"b": 1}',
        ' {"a":1}',
        '{"a":1}\n',
        "",
        "{",
        "NaN",
        '"\\ud800"',
        '1},{"a":1',
    ]
)
MEDIA = st.sampled_from(
    [None, None, "application/json", "text/json; charset=utf-8", "text/plain", "a+json", ""]
)
USUAL = [("id", "1"), ("source", "/s"), ("specversion", "1.0"), ("type", "a.b.v1"), ("actor", "a/b")]
ATTRIBUTES = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "data", "data_base64"]),
        TEXTS
        | st.booleans()
        | st.none()
        | st.integers(-(2**31), 2**31 - 1)
        | st.sampled_from([1, 64, b"\xff"]),
    ),
    max_size=3,
)
EVENTS = st.lists(st.tuples(st.just([]) | ATTRIBUTES, MEDIA, DATA), min_size=1, max_size=8)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["cut", "flip", "insert", "number"]), st.integers(0, 2000), st.integers(1, 255)
    ),
    max_size=3,
)
HUGE = zigzag(1 << 62)  # which is nothing that there are bytes for

Event = tuple[list[tuple[str, Any]], str | None, str]


def attributes_of(event: Event) -> list[tuple[str, Any]]:
    attributes, media, _ = event
    return [*USUAL, *attributes, *([("datacontenttype", media)] if media is not None else [])]


def avro_value(value: Any) -> bytes:
    """A value of an attribute, after the number of its branch."""
    match value:
        case None:
            return zigzag(0)
        case bool():
            return zigzag(1) + bytes([value])
        case int():
            return zigzag(2) + zigzag(value)
        case str():
            return zigzag(3) + sized(value.encode())
    return zigzag(4) + sized(value)


def avro_event(event: Event) -> bytes:
    """A record, written here: a name may come twice, which no library writes."""
    pairs = attributes_of(event)
    members = b"".join(sized(name.encode()) + avro_value(value) for name, value in pairs)
    return zigzag(len(pairs)) + members + b"\0" + zigzag(0) + sized(event[2].encode("utf-8", "surrogatepass"))


def avro_file(events: list[Event], per_block: int, *, deflated: bool = False) -> bytes:
    content = avro_header(CLOUD_EVENT, "deflate" if deflated else "null")
    for at in range(0, len(events), per_block):
        some = events[at : at + per_block]
        block = b"".join(map(avro_event, some))
        block = zlib.compress(block)[2:-4] if deflated else block
        content += zigzag(len(some)) + sized(block) + b"S" * 16
    return content


def proto_event(event: Event, *, is_apart: bool) -> bytes:
    """A message. `is_apart`: its attributes in messages of their own, which a parser reads as one."""
    parts = [protobuf_event.CloudEvent(text_data=event[2].encode("utf-8", "ignore").decode())]
    for name, value in attributes_of(event):
        if is_apart:
            parts.append(protobuf_event.CloudEvent())
        field = {"specversion": "spec_version"}.get(name, name)
        if name in ("id", "source", "specversion", "type") and isinstance(value, str):
            setattr(parts[-1], field, value)
        elif name == "time" and isinstance(value, int):
            parts[-1].attributes[name].ce_timestamp.seconds = value * 1000
            parts[-1].attributes[name].ce_timestamp.nanos = abs(value) % 1000 * 10 ** (abs(value) % 7)
        elif value is not None:
            kind = {bool: "ce_boolean", int: "ce_integer", str: "ce_string", bytes: "ce_bytes"}[type(value)]
            setattr(parts[-1].attributes[name], kind, value)
        else:
            parts[-1].attributes[name].SetInParent()
    return b"".join(part.SerializeToString(deterministic=True) for part in parts)


def changed(content: bytes, changes: list[tuple[str, int, int]], start: int) -> bytes:
    for what, place, by in changes:
        at = start + place % max(len(content) - start, 1)
        content = {
            "cut": content[:at],
            "flip": content[:at] + bytes([content[at] ^ by] if at < len(content) else []) + content[at + 1 :],
            "insert": content[:at] + bytes([by]) + content[at:],
            "number": content[:at]
            + (HUGE, zigzag(-by), b"\x80\x00", bytes([255] * 11))[by % 4]
            + content[at + 1 :],
        }[what]
    return content


def read(
    content: bytes, chunk_bytes: int = 1 << 16, record_bytes: int = 1 << 20
) -> tuple[list[Any], list[Any]]:
    """All that is read: records with their places, and what is unreadable."""
    records: list[Any] = []
    unreadable: list[Any] = []
    for chunk in read_chunks(HashingReader(io.BytesIO(content)), ChunkBounds(chunk_bytes, record_bytes)):
        texts = [chunk.record(row) for row in range(len(chunk.positions))]
        records += zip(texts, chunk.positions.tolist(), chunk.offsets.tolist(), strict=True)
        unreadable += chunk.unreadable
    return records, unreadable


def read_one_by_one(content: bytes, *sizes: int) -> tuple[list[Any], list[Any]]:
    with (
        patch.object(EventColumns, "of", lambda _: None),
        patch.object(protobuf, "_next_events", lambda *_: []),
    ):
        return read(content, *sizes)


SIZES = st.sampled_from([(1 << 16, 1 << 20), (1 << 16, 1 << 20), (400, 1 << 20), (1 << 16, 180)])


@given(EVENTS, st.integers(1, 5), st.booleans(), CHANGES, SIZES)
@settings(deadline=None, max_examples=examples(400))
def test_avro_in_columns_is_avro_record_by_record(
    events: list[Event], per_block: int, deflated: bool, changes: Any, sizes: tuple[int, int]
) -> None:
    start = len(avro_header(CLOUD_EVENT))
    content = changed(avro_file(events, per_block, deflated=deflated), changes, start)
    assert read(content, *sizes) == read_one_by_one(content, *sizes)


@given(EVENTS, st.booleans(), st.booleans(), CHANGES, SIZES)
@settings(deadline=None, max_examples=examples(400))
def test_protobuf_in_columns_is_protobuf_event_by_event(
    events: list[Event], is_batch: bool, is_apart: bool, changes: Any, sizes: tuple[int, int]
) -> None:
    tag = b"\x0a" if is_batch else b""
    first = tag + delimited(proto_event(([], None, "{}"), is_apart=False))  # which tells the encoding
    rest = b"".join(tag + delimited(proto_event(event, is_apart=is_apart)) for event in events)
    content = changed(first + rest, changes, len(first))
    assert read(content, *sizes) == read_one_by_one(content, *sizes)


PLAIN: Event = ([], None, "12")
ONE, NUMBER = avro_event(PLAIN), avro_event(([], None, "1"))
BLOCKS: dict[str, tuple[int, bytes]] = {
    "fewer events than it says": (3, ONE * 2),
    "more events than it says": (1, ONE * 2),
    "bytes after an event": (2, ONE + b"\0" + ONE),
    "bytes after the last event": (2, ONE * 2 + b"\0"),
    "bytes before the first event": (2, b"\0" + ONE * 2),
    "an event that ends early": (2, ONE[:-3] + zigzag(1) + b"12" + ONE),
    "an event that ends late": (2, NUMBER[:-2] + zigzag(2) + b"1" + ONE),
    "a last event that ends late": (2, ONE + NUMBER[:-2] + zigzag(2) + b"1"),
    "attributes in two parts": (1, ONE[:-5] + zigzag(1) + sized(b"x") + avro_value("y") + ONE[-5:]),
    "attributes that go on": (1, ONE[:-5] + zigzag(1) + ONE[-4:]),
    "attributes with their size": (1, zigzag(-5) + zigzag(len(ONE) - 6) + ONE[1:]),
    "data of negative size": (1, ONE[:-3] + zigzag(-3) + b"12"),
    "a name of negative size": (1, ONE[:1] + zigzag(-3) + ONE[2:]),
    "a name without a letter": (1, ONE.replace(sized(b"id"), sized(b""), 1)),
    "no attribute": (2, (zigzag(0) * 2 + sized(b"12")) * 2),
    "a truth value that is 2": (
        1,
        zigzag(1) + sized(b"x") + zigzag(1) + b"\2" + b"\0" + zigzag(0) + sized(b"12"),
    ),
    "a branch that there is not": (1, ONE[:-4] + zigzag(9) + ONE[-3:]),
    "no data": (1, ONE[:-4] + zigzag(1)),
    "data that is a text": (1, ONE[:-4] + zigzag(6) + sized(b"12")),
    "sizes that are written longer": (1, ONE[:-3] + b"\x84\0" + b"12"),
    "a number of 64 bits": (
        1,
        ONE[:-5].replace(b"\x0a", b"\x0c", 1) + sized(b"x") + zigzag(2) + zigzag(1 << 62) + ONE[-5:],
    ),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_a_block_that_is_not_as_usual_is_read_as_before(case: str) -> None:
    count, block = BLOCKS[case]
    usual = zigzag(2) + sized(ONE * 2) + b"S" * 16
    content = avro_header(CLOUD_EVENT) + usual + zigzag(count) + sized(block) + b"S" * 16 + usual
    assert read(content) == read_one_by_one(content)


def field(number: int, content: bytes | int) -> bytes:
    """A field of a message."""
    return (
        varint(number << 3) + varint(content)
        if isinstance(content, int)
        else varint(number << 3 | 2) + delimited(content)
    )


HEAD = field(1, b"1") + field(2, b"/s") + field(3, b"1.0") + field(4, b"a")
TAIL = field(7, b"12")
VALUES: dict[str, bytes] = {
    "a text": field(3, b"y"),
    "an empty text": field(3, b""),
    "bytes": field(4, b"y"),
    "a truth value": field(1, 1),
    "a truth value that is 2": field(1, 2),
    "an integer": field(2, 7),
    "a negative integer": field(2, (1 << 64) - 1),
    "an integer of 33 bits": field(2, 1 << 32),
    "a number that is written longer": b"\x10\x87\0",
    "two values": field(2, 7) + field(3, b"y"),
    "a text and what is after it": field(3, b"y") + b"\0",
    "a text that ends late": b"\x1a\2y",
    "a number that is cut off": b"\x10\x80",
    "no value": b"",
    "a moment": field(7, field(1, 5) + field(2, 1_000_000)),
    "the first moment": field(7, b""),
    "a moment that begins with its nanos": field(7, field(2, 1000)),
    "a second of nanos": field(7, field(1, 5) + field(2, 1_000_000_000)),
    "nanos twice": field(7, field(1, 5) + field(2, 1) + field(2, 2)),
    "a moment that is cut off": field(7, b"\x08\x80"),
    "the last moment": field(7, field(1, 253_402_300_799) + field(2, 999_999_999)),
    "a moment after the last": field(7, field(1, 253_402_300_800)),
    "a moment before the first": field(7, field(1, (1 << 64) - 1)),
}
MESSAGES: dict[str, bytes] = {
    **{name: HEAD + field(5, field(1, b"x") + field(2, value)) + TAIL for name, value in VALUES.items()},
    "a value before its name": HEAD + field(5, field(2, field(3, b"y")) + field(1, b"x")) + TAIL,
    "no name": HEAD + field(5, field(2, field(3, b"y"))) + TAIL,
    "an empty name": HEAD + field(5, field(1, b"") + field(2, field(3, b"y"))) + TAIL,
    "a name that is a tag": HEAD + field(5, field(1, b"\x0a") + field(2, field(3, b"y"))) + TAIL,
    "a name that is no tag": field(2, b"/s") + field(5, field(1, b"\x0a") + field(2, field(3, b"y"))) + TAIL,
    "a name of its own": HEAD + field(5, field(1, b"id") + field(2, field(3, b"y"))) + TAIL,
    "a text beyond its value": HEAD + field(5, field(1, b"x") + b"\x12\3\x1a\3yyy") + TAIL,
    "data, and more fields than are looked at": TAIL
    + HEAD
    + b"".join(field(5, field(1, b"x%d" % number) + field(2, field(2, number))) for number in range(60)),
    "more in an attribute": HEAD + field(5, field(1, b"x") + field(2, field(3, b"y")) + b"\0") + TAIL,
    "an attribute without value": HEAD + field(5, field(1, b"x")) + TAIL,
    "the same attribute twice": HEAD + field(5, field(1, b"x") + field(2, field(3, b"y"))) * 2 + TAIL,
    "an empty id": field(1, b"") + HEAD[3:] + TAIL,
    "data twice": HEAD + TAIL * 2,
    "data of both kinds": HEAD + field(6, b"1") + TAIL,
    "data first": TAIL + HEAD,
    "data that is bytes": HEAD + field(6, b"12"),
    "data that is a message": HEAD + field(8, field(1, b"x")),
    "no data": HEAD,
    "another field": HEAD + field(9, b"x") + TAIL,
    "a number as a field": HEAD + field(1, 5) + TAIL,
    "a last field that ends late": HEAD + b"\x3a\x03" + b"12",
    "a tag at its end": HEAD + TAIL + b"\x3a",
    "a tag at its end, and nothing": HEAD + TAIL + b"\x0a\x80",
    "nothing": b"",
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_message_that_is_not_as_usual_is_read_as_before(case: str) -> None:
    usual = delimited(HEAD + TAIL)
    content = usual + delimited(MESSAGES[case]) + usual
    assert read(content) == read_one_by_one(content)


SOUND: list[Event] = [
    ([], None, '{"a":1}'),
    ([("objectversion", 7), ("subject", "Ä")], "application/json", '{"a": "\\n", "b": [1.50]}'),
    ([("flag", True), ("other", False), ("time", "2026-01-01T00:00:00Z")], None, "[]"),
]


@pytest.mark.parametrize("per_block", [1, 7, 500])
def test_avro_events_of_several_forms_are_all_read_in_columns(per_block: int) -> None:
    events = SOUND * 40
    events += [([("gone", None), *more], media, data) for more, media, data in SOUND]
    content = avro_file(events, per_block)
    expected = read_one_by_one(content)
    assert len(expected[0]) == len(events)
    with patch.object(avro, "_records_of", side_effect=AssertionError):
        assert read(content) == expected


def test_protobuf_events_of_several_forms_are_all_read_in_columns() -> None:
    events = [*SOUND * 40, ([("time", 1_767_225), ("n", 0)], None, "1")]
    content = b"".join(delimited(proto_event(event, is_apart=False)) for event in events)
    expected = read_one_by_one(content)
    assert len(expected[0]) == len(events)
    with patch.object(protobuf, "event_text", side_effect=AssertionError):
        assert read(content) == expected


def test_numbers_that_lie_take_no_memory() -> None:
    """Lengths of many gigabytes, and what looks like the beginning of an event at very many places."""
    entry = b"\x02\x02a"
    avro_block = entry * 300_000
    files = [
        avro_header(CLOUD_EVENT) + b"".join(zigzag(n) + sized(avro_block) + b"S" * 16 for n in (1, 1 << 60)),
        avro_header(CLOUD_EVENT)
        + zigzag(2)
        + sized(entry + b"\x06" + zigzag(1 << 40) + avro_block)
        + b"S" * 16,
        delimited(proto_event(SOUND[0], is_apart=False)) + delimited(b"\x2a\xff\xff\xff\x7f\x0a\x01a" * 9000),
        (delimited(proto_event(SOUND[0], is_apart=False)) + delimited(b"")) * 20_000,
    ]
    for content in files:
        tracemalloc.start()
        read(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 60 * (1 << 20)

"""One `io.cloudevents.v1.CloudEvent` in Protobuf, as CloudEvents JSON text.

Belongs here: the values of the message, and what in its bytes a Protobuf parser would drop or change without
a word. Not here: the message itself (`cloudevents.proto`), and where events lie in a stream (`protobuf`).

The library parses. It keeps nothing of an unknown field, a field that comes twice, or an integer of too
many bits that we could say in JSON; but it can then not write as many bytes as it read. Where it can, nothing
was dropped; else the bytes are walked field by field, and what would be lost is why the record is rejected.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message, message_factory, timestamp_pb2

from event_archive.decoding.event_json import RecordError, event_json

PACKAGE = "io.cloudevents.v1"
DESCRIPTOR = Path(__file__).with_name("cloudevents.binpb")
VARINT, SIZED = 0, 2
# Per kind of message: field number -> what it is. A one-letter kind is a scalar, a longer one a message.
LAYOUT: dict[str, dict[int, str]] = {
    "event": {1: "s", 2: "s", 3: "s", 4: "s", 5: "entry", 6: "b", 7: "s", 8: "any"},
    "entry": {1: "s", 2: "value"},
    "value": {1: "?", 2: "i", 3: "s", 4: "b", 5: "s", 6: "s", 7: "timestamp"},
    "timestamp": {1: "l", 2: "i"},
    "any": {1: "s", 2: "b"},
}
ONE_OF = {"event": {6: "data", 7: "data", 8: "data"}, "value": dict.fromkeys(range(1, 8), "value")}
LARGEST = {"?": 1, "i": (1 << 31) - 1, "l": (1 << 63) - 1}


def _message_classes(*names: str) -> list[Any]:
    """Return the classes of messages of `cloudevents.proto`."""
    pool = descriptor_pool.DescriptorPool()  # of our own: an application may have these messages, too
    for known in (any_pb2, timestamp_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTOR.read_bytes()).file:
        pool.Add(file)
    types = [pool.FindMessageTypeByName(f"{PACKAGE}.{name}") for name in names]
    return [message_factory.GetMessageClass(message_type) for message_type in types]


CloudEvent, CloudEventBatch = _message_classes("CloudEvent", "CloudEventBatch")


def event_text(raw: bytes) -> bytes:
    """Return the JSON text of one CloudEvent's bytes; raises RecordError."""
    try:
        event = CloudEvent.FromString(raw)
    except message.DecodeError as error:
        fault = next(_faults(raw, "event", 0), ("bad_protobuf", str(error).splitlines()[0]))
        raise RecordError(*fault) from error
    event.DiscardUnknownFields()
    attributes: dict[str, Any] = {}
    negative = False
    for name, value in event.attributes.items():
        kind = value.WhichOneof("attr")
        if kind == "ce_timestamp":
            attributes[name] = _moment(value.ce_timestamp)
        elif kind is None:
            raise RecordError("bad_protobuf", f"attribute {name[:60]!r} has no value")
        else:
            attributes[name] = content = getattr(value, kind)
            negative = negative or (kind == "ce_integer" and content < 0)
    if (event.ByteSize() != len(raw) or negative) and (lost := next(_faults(raw, "event", 0), None)):
        raise RecordError(*lost)
    for name, content in (
        ("id", event.id),
        ("source", event.source),
        ("specversion", event.spec_version),
        ("type", event.type),
    ):
        if name in attributes:
            raise RecordError("duplicate_key", f"{name} is an attribute of its own and in the map")
        if content:
            attributes[name] = content
    kind = event.WhichOneof("data")
    if kind == "proto_data":
        url = event.proto_data.type_url[:100]
        raise RecordError(
            "proto_data", f"the data is a message {url!r}, which needs its own schema; send JSON"
        )
    return event_json(attributes, getattr(event, kind) if kind else None)


def _moment(stamp: Any) -> str:
    """Return a Timestamp in RFC 3339, with 0, 3, 6 or 9 digits of a second, as Protobuf's own JSON has it."""
    seconds, nanos = stamp.seconds, stamp.nanos
    days, seconds = divmod(seconds, 86_400)
    if not 0 <= nanos < 1_000_000_000 or not -719_162 <= days <= 2_932_896:
        raise RecordError("bad_protobuf", "a timestamp is not between the years 1 and 9999")
    text = f"{_day(days)}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if nanos == 0:
        return text + "Z"
    if nanos % 1_000_000 == 0:
        return f"{text}.{nanos // 1_000_000:03d}Z"
    return f"{text}.{nanos // 1000:06d}Z" if nanos % 1000 == 0 else f"{text}.{nanos:09d}Z"


@lru_cache(4096)
def _day(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=days)).isoformat()


def varint(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """Return the varint at `at` and where it ends; None where it is cut off, or is of more than 64 bits."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return (value, at) if value < 1 << 64 else None
    return None


def _faults(data: bytes, kind: str, base: int) -> Iterator[tuple[str, str]]:
    """Yield what in a message's bytes can't be read, or would be lost: reason and detail, in their order."""
    layout, one_of = LAYOUT[kind], ONE_OF.get(kind, {})
    seen: set[Any] = set()
    at, end = 0, len(data)
    while at < end:
        start, place = at, f"at byte {base + at} of the event"
        tag = varint(data, at, end)
        if tag is None:
            yield "bad_protobuf", f"{place} a field's tag is cut off or too long"
            return
        at, number, wire = tag[1], tag[0] >> 3, tag[0] & 7
        what = layout.get(number)
        if what is None or wire != (VARINT if what in LARGEST else SIZED):
            yield "unknown_field", f"{place} is a field {number} of wire type {wire}, which no {kind} has"
            return
        number_or_size = varint(data, at, end)
        if number_or_size is None or (wire == SIZED and number_or_size[0] > end - number_or_size[1]):
            yield "bad_protobuf", f"{place} field {number} of the {kind} is cut off, or its length is wrong"
            return
        value, at = number_or_size
        if wire == VARINT:
            yield from _number_faults(what, value, place)
        else:
            content, at = data[at : at + value], at + value
            if what == "s":
                yield from _text_faults(content, place)
            elif what != "b":
                yield from _faults(content, what, base + at - value)
        name: Any = one_of.get(number, number)
        if what == "entry":
            name = "entry", _key(content)
        if name in seen:
            yield "duplicate_key", f"{place} field {number} of the {kind} comes a second time"
            return
        seen.add(name)
        assert at > start


def _number_faults(what: str, value: int, place: str) -> Iterator[tuple[str, str]]:
    signed = value - (1 << 64) if value >> 63 else value
    if not (0 if what == "?" else -LARGEST[what] - 1) <= signed <= LARGEST[what]:
        yield "bad_protobuf", f"{place} the number {value} is beyond the bits of its field"


def _text_faults(content: bytes, place: str) -> Iterator[tuple[str, str]]:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        yield "invalid_utf8", f"{place} byte {error.start} of a text is not UTF-8"


def _key(entry: bytes) -> bytes:
    """Return the key of a map's entry, of which its faults are known already."""
    at, key = 0, b""
    while at < len(entry) and (tag := varint(entry, at, len(entry))):
        size = varint(entry, tag[1], len(entry))
        if size is None:
            break
        at = size[1] + size[0]
        key = entry[size[1] : at] if tag[0] >> 3 == 1 else key
    return key

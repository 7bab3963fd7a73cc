"""Events in the encodings of CloudEvents, written by the clients that producers have.

Belongs here: what the tests of the encodings share. Not here: tests. The official SDK makes and reads
the events; fastavro and protobuf write them by the CloudEvents formats, which the SDK leaves to others.
"""

import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import fastavro
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf.internal.encoder import _VarintBytes  # type: ignore[attr-defined]

from event_archive.decoding import protobuf_event
from event_archive.decoding.avro_safe_schema import CLOUD_EVENT
from event_archive.registry.originals import utc_text

Event = Mapping[str, Any]
NAMED = {"id": "id", "source": "source", "specversion": "spec_version", "type": "type"}


def sdk_event(event: Event) -> CloudEvent:
    """An event as the SDK has it."""
    attributes = {name: value for name, value in event.items() if name != "data"}
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    return CloudEvent(attributes | {"datacontenttype": "application/json"}, event["data"])


def as_json(events: Iterable[Event]) -> bytes:
    """NDJSON, as the SDK writes each event."""
    return b"".join(JSONFormat().write(sdk_event(event)) + b"\n" for event in events)


def as_avro(events: Iterable[Event], codec: str = "null", **options: Any) -> bytes:
    """An Avro object container file of CloudEvents, their data as JSON text."""
    records = [{"attribute": attributes_of(event), "data": data_text(event).encode()} for event in events]
    file = io.BytesIO()
    fastavro.writer(file, CLOUD_EVENT, records, codec=codec, **options)
    return file.getvalue()


def data_text(event: Event) -> str:
    """The data of an event as JSON text, as it stands where it is a text already."""
    data = event["data"]
    return data if isinstance(data, str) else json.dumps(data)


def attributes_of(event: Event) -> dict[str, Any]:
    """The attributes of an event, as the SDK gives them, but for the time, which has all its digits."""
    attributes = dict(sdk_event(event).get_attributes())
    return attributes | {"time": utc_text(event["time"])}


def message(event: Event) -> Any:
    """An event as `io.cloudevents.v1.CloudEvent`."""
    made = protobuf_event.CloudEvent(text_data=data_text(event))
    for name, value in sdk_event(event).get_attributes().items():
        if name in NAMED:
            setattr(made, NAMED[name], value)
        elif isinstance(value, datetime):
            made.attributes[name].ce_timestamp.FromJsonString(utc_text(event[name]))  # nanoseconds, too
        elif isinstance(value, bool):  # before int, which a bool is to Python: another event on the wire
            made.attributes[name].ce_boolean = value
        elif isinstance(value, int):
            made.attributes[name].ce_integer = value
        else:
            made.attributes[name].ce_string = value
    return made


def as_batch(events: Iterable[Event]) -> bytes:
    """A `CloudEventBatch`."""
    content: bytes = protobuf_event.CloudEventBatch(events=map(message, events)).SerializeToString()
    return content


def as_delimited(events: Iterable[Event]) -> bytes:
    """One `CloudEvent` after the other, each after its length."""
    return b"".join(delimited(message(event).SerializeToString()) for event in events)


def delimited(raw: bytes) -> bytes:
    """Some bytes after their length."""
    length: bytes = _VarintBytes(len(raw))
    return length + raw


def avro_header(schema: Any, codec: str = "null") -> bytes:
    """An Avro file without a block, whose marker is sixteen times the letter S."""
    text = (schema if isinstance(schema, str) else json.dumps(schema)).encode()
    entries = sized(b"avro.schema") + sized(text) + sized(b"avro.codec") + sized(codec.encode())
    return b"Obj\x01" + zigzag(2) + entries + b"\0" + b"S" * 16


def sized(raw: bytes) -> bytes:
    """Some bytes after their number, as Avro has it."""
    return zigzag(len(raw)) + raw


def zigzag(number: int) -> bytes:
    """A number as Avro has it."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def varint(number: int) -> bytes:
    """A number that is not negative as Protobuf has it."""
    content = bytearray()
    while number >= 0x80:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*content, number])

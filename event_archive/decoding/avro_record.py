"""Records of an Avro file as JSON text, one by one: what `avro_columns` leaves out, and other schemas.

Belongs here: how records are read by a file's schema, and what they are as JSON. Not here: where they are
(`avro`), and the schema made safe (`avro_safe_schema`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import fastavro

from event_archive.decoding.avro_columns import EventColumns
from event_archive.decoding.avro_header import write_long
from event_archive.decoding.avro_safe_schema import EVENT_SCHEMA, holds_events
from event_archive.decoding.event_json import event_json, event_json_of_value, value_json

AT_ONCE_BYTES = 1 << 20  # parsed, records take up to 60 times their bytes


@dataclass(frozen=True)
class RecordReader:
    """How records are read: the type of one, the type of a list of them, and a value as JSON text.

    `columns`: how those of whole blocks are, where they are events of the usual form.
    """

    record: Any
    array: Any
    as_json: Callable[[Any], bytes]
    columns: EventColumns | None

    def at_once(self, unpacked: bytes, count: int) -> list[bytes] | None:
        """Return all records of a block, read as one array, which costs a third; None where that fails."""
        if not 0 < count <= len(unpacked) <= AT_ONCE_BYTES:
            return None
        stream = BytesIO(
            write_long(count) + unpacked + b"\0"
        )  # an array: its items' number, they, and a zero
        try:
            records = fastavro.schemaless_reader(stream, self.array, None)
            if not isinstance(records, list) or len(records) != count or stream.read(1):
                return None
            return [self.as_json(record) for record in records]
        except Exception:  # whatever the reader raises on bytes that are no record
            return None


def record_reader(schema: Any) -> RecordReader:
    """Return how records of a schema are read, which is safe."""
    as_json: Callable[[Any], bytes] = value_json
    columns = None
    if holds_events(schema):
        columns = EventColumns.of(schema)
        as_json = partial(_event, is_wrapped=_data_type(schema) == _data_type(EVENT_SCHEMA))
    array = fastavro.parse_schema({"type": "array", "items": schema})
    return RecordReader(fastavro.parse_schema(schema), array, as_json, columns)


def _data_type(schema: Any) -> Any:
    return next(field["type"] for field in schema["fields"] if field["name"] == "data")


def _event(record: Any, *, is_wrapped: bool) -> bytes:
    """Return the JSON text of a record `attribute`, `data`; `is_wrapped`: data as the specification says."""
    attributes = {name: value for name, value in record["attribute"].items() if value is not None}
    data = record["data"]
    if data is None or isinstance(data, bytes | str):
        return event_json(attributes, data)
    return event_json_of_value(attributes, _plain(data) if is_wrapped else data)


def _plain(data: Any) -> Any:
    """Return data as JSON has it: in Avro, each inner object is a record with one field, a map `value`."""
    if isinstance(data, dict):
        return {name: _members(item) if isinstance(item, dict) else item for name, item in data.items()}
    return [_members(item) for item in data] if isinstance(data, list) else data


def _members(record: dict[str, Any]) -> dict[str, Any]:
    """Return the map in such a record; a map or a list in it holds such records again."""
    members: dict[str, Any] = {}
    for name, item in record["value"].items():
        if isinstance(item, dict):
            members[name] = {key: _members(inner) for key, inner in item.items()}
        else:
            members[name] = [_members(inner) for inner in item] if isinstance(item, list) else item
    return members

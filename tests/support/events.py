"""Events, contracts and archives for the tests of the archive: short to write, with every kind of column.

Belongs here: what those tests share. Not here: tests, and installations with Dagster and dbt
(`installation`).
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from event_archive import Archive, Landed, Limits, Source, land, recover
from event_archive.landing.deduplicate import event_content
from event_archive.landing.quarantine_file import QuarantinedRecord, read_rejections
from event_archive.registry.contract import Contract, Contracts, load_contracts
from event_archive.store.commit import segments_of

Event = dict[str, Any]
WEIGHED = "parcel.weighed.v1"
LOST = "parcel.lost.v1"
WEIGHED_DATA: Mapping[str, Any] = {
    "type": "object",
    "required": ["label", "grams", "due_at"],
    "properties": {
        "label": {"type": "string", "minLength": 1, "maxLength": 2_000_000},
        "grams": {"type": "integer"},
        "due_at": {"type": ["string", "null"], "format": "date-time"},
        "kind": {"type": "string", "enum": ["letter", "box"]},
        "price": {"type": "string", "format": "decimal"},
        "fee": {"type": "number", "multipleOf": 0.01},
        "ratio": {"type": "number"},
        "is_fragile": {"type": "boolean"},
        "sent_date": {"type": "string", "format": "date"},
        "tracking_id": {"type": "string", "format": "uuid"},
        "address": {
            "type": "object",
            "required": ["street"],
            "properties": {"street": {"type": "string"}, "floor": {"type": "integer"}},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "pieces": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
            },
        },
        "remarks": {},
    },
}
LOST_DATA: Mapping[str, Any] = {
    "type": "object",
    "required": ["place"],
    "additionalProperties": False,
    "properties": {"place": {"type": "string"}},
}


def contract_file(event_type: str, data: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The content of a contract file."""
    content = {
        "type": event_type,
        "revision": 1,
        "owner": "post",
        "description": "Something happened to a parcel.",
        "actor": ["clerk", "system"],
        "object": event_type.split(".", maxsplit=1)[0],
        "data": data,
        "examples": [{"id": "1"}],
    }
    return content | changes


def contracts_in(folder: Path, *files: Mapping[str, Any]) -> Contracts:
    """Write contract files (JSON is YAML) and load them."""
    folder.mkdir(parents=True, exist_ok=True)
    for content in files:
        (folder / f"{content['type']}.yaml").write_text(json.dumps(content))
    return load_contracts(folder)


def contract(data: Mapping[str, Any], event_type: str = WEIGHED) -> Contract:
    """A contract that no file has."""
    object_type, verb, major = event_type.split(".")
    return Contract(
        event_type, object_type, verb, int(major[1:]), 1, "post", "", ("clerk", "system"), data, (), Path()
    )


def new_archive(folder: Path) -> Archive:
    """An empty archive of parcels that are weighed and lost."""
    files = contract_file(WEIGHED, WEIGHED_DATA), contract_file(LOST, LOST_DATA)
    return Archive(folder / "archive", contracts_in(folder / "contracts", *files), may_create=True)


def recover_lost_anywhere(archive: Archive) -> Archive:
    """Open an archive under a contract by which a parcel is lost anywhere; the one refused is recovered."""
    wider = {**LOST_DATA, "properties": {"place": {}}}
    files = contract_file(WEIGHED, WEIGHED_DATA), contract_file(LOST, wider)
    opened = Archive(archive.root, contracts_in(archive.root.parent / "wider", *files))
    assert recover(opened).counts.accepted == 1
    return opened


def weighed(
    number: int, /, *, without: Iterable[str] = (), data: Mapping[str, Any] | None = None, **changes: Any
) -> Event:
    """The event that parcel `number` was weighed; `data` and `changes` go over it, `without` is left out."""
    event: Event = {
        "specversion": "1.0",
        "id": f"event-{number}",
        "source": "/post",
        "type": WEIGHED,
        "time": f"2026-01-{number % 28 + 1:02d}T09:14:07.25Z",
        "actor": "clerk/ada",
        "object": f"parcel/{number}",
        "data": {"label": f"parcel {number}", "grams": number, "due_at": None, **(data or {})},
    } | changes
    return {name: value for name, value in event.items() if name not in without}


def lost(number: int, **changes: Any) -> Event:
    """The event that parcel `number` was lost."""
    return weighed(number, **{"type": LOST, "id": f"lost-{number}"} | changes) | {"data": {"place": "Ulm"}}


def text(event: Any) -> bytes:
    """A JSON value as bytes on one line."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def lines(events: Iterable[Event | bytes]) -> bytes:
    """Events, or other bytes, as NDJSON."""
    return b"".join((event if isinstance(event, bytes) else text(event)) + b"\n" for event in events)


def land_bytes(archive: Archive, content: bytes, name: str = "events.ndjson", **limits: Any) -> Landed:
    """Land a file with these bytes."""
    path = archive.root.parent / name
    path.write_bytes(content)
    return land(archive, Source(name, path), limits=Limits(**limits))


def archived(archive: Archive) -> dict[tuple[str, str], Event]:
    """Every event of the archive as it would be on the wire, read from the segments, by source and id."""
    events: dict[tuple[str, str], Event] = {}
    for segment in segments_of(archive.log.commits()):
        contract = archive.contracts[segment.type]
        for row in pq.read_table(archive.storage.location(segment.path)).to_pylist():
            event = _on_the_wire(contract, row)
            key = event["source"], event["id"]
            assert key not in events, f"{key} is there twice"
            events[key] = event
    return events


def _on_the_wire(contract: Contract, row: dict[str, Any]) -> Event:
    content = event_content(contract, row)
    event = {
        "specversion": "1.0",
        "id": content["event_id"],
        "source": content["source"],
        "type": contract.type,
        "time": content["occurred_at"],
        "actor": f"{content['actor_type']}/{content['actor_id']}",
        "object": f"{content['object_type']}/{content['object_id']}",
        "correlationid": content["correlation_id"],
        "causationid": content["causation_id"],
        "objectversion": content["object_version"],
        "corrects": content["corrects"],
        "voids": content["voids"],
        "data": content["data"],
    }
    attributes: Event = content["attributes"]
    return {name: value for name, value in event.items() if value is not None} | attributes


def same_json(value: Any) -> Any:
    """A JSON value such that two are equal (`==`) if and only if they are the same value in JSON."""
    if isinstance(value, dict):
        return {name: same_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [same_json(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    return "number", Decimal(str(value))


def rejected(archive: Archive) -> list[QuarantinedRecord]:
    """Every refused record, in the order of the log and then of the input."""
    return sorted(
        read_rejections(archive), key=lambda record: (record.sequence, record.position, record.offset)
    )

"""Landing the same events as Avro and Protobuf: its speed against landing them as JSON.

Belongs here: the files in three encodings, and what is measured. Not here: the events (`event_stream`) and
the table (`__main__`).

What parsing alone takes stands beside it: `fastavro.reader`, and `CloudEventBatch.FromString` of the library
that Protobuf's authors ship; both keep nothing of what they read.
"""

import json
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import fastavro

from benchmarks.event_stream import write_requests
from benchmarks.landing import land_file
from benchmarks.measurement import Measurement, seconds
from event_archive.decoding.avro_safe_schema import CLOUD_EVENT
from event_archive.decoding.protobuf_event import CloudEventBatch

BOUND = 0.1  # JSON is parsed in columns, the others event by event


def landing_of_encodings(folder: Path, events: int, rounds: int = 3) -> list[Measurement]:
    """Events per second of landing Avro and Protobuf, as a share of landing the same events as JSON."""
    lines = write_requests(folder / f"encoded-{events}.ndjson", events)
    files: dict[str, tuple[Path, Callable[[Path], None]]] = {
        "Avro": (_write_avro(lines), _parse_avro),
        "Protobuf": (_write_protobuf(lines), _parse_protobuf),
    }
    measurements = []
    for name, (path, parse) in files.items():
        ratios = []
        for _ in range(rounds):
            rival = seconds(partial(land_file, lines, folder / "archive", fresh=True))
            ours = seconds(partial(land_file, path, folder / "archive", fresh=True))
            ratios.append(rival / ours)
        rates = {"": ours, "as JSON": rival, "to parse alone": seconds(partial(parse, path))}
        shown = ", ".join(f"{events / taken:,.0f} {what}".strip() for what, taken in rates.items())
        label = f"landing {events:,} events as {name}: share of landing them as JSON"
        measurements.append(Measurement(label, statistics.median(ratios), ">=", BOUND, f"{shown} events/s"))
    return measurements


def _events(lines: Path) -> Iterator[dict[str, Any]]:
    with lines.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _attributes(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "data"}


def _data(event: dict[str, Any]) -> str:
    """The data as it stands in the JSON file, without spaces."""
    return json.dumps(event["data"], separators=(",", ":"))


def _write_avro(lines: Path) -> Path:
    """Write the events as a CloudEvents Avro object container file."""
    path = lines.with_suffix(".avro")
    records = ({"attribute": _attributes(event), "data": _data(event).encode()} for event in _events(lines))
    with path.open("wb") as file:
        fastavro.writer(file, CLOUD_EVENT, records, codec="null")
    return path


def _write_protobuf(lines: Path) -> Path:
    """Write the events as CloudEvents Protobuf: batches one after the other are one batch on the wire."""
    path = lines.with_suffix(".binpb")
    with path.open("wb") as file:
        events = _events(lines)
        while some := list(islice(events, 10_000)):
            batch = CloudEventBatch()
            for event in some:
                message = batch.events.add(
                    id=event["id"], source=event["source"], spec_version="1.0", type=event["type"]
                )
                for name, value in _attributes(event).items():
                    if name == "time":
                        message.attributes[name].ce_timestamp.FromJsonString(value)
                    elif isinstance(value, int):
                        message.attributes[name].ce_integer = value
                    elif name not in ("id", "source", "specversion", "type"):
                        message.attributes[name].ce_string = value
                message.text_data = _data(event)
            file.write(batch.SerializeToString())
    return path


def _parse_avro(path: Path) -> None:
    with path.open("rb") as file:
        for _ in fastavro.reader(file):
            pass


def _parse_protobuf(path: Path) -> None:
    CloudEventBatch.FromString(path.read_bytes())

"""Landing the same events as Avro and Protobuf: its speed and its cost against landing them as JSON.

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
from benchmarks.measurement import Measurement, cpu_seconds, seconds
from event_archive.decoding.avro_safe_schema import CLOUD_EVENT
from event_archive.decoding.protobuf_event import CloudEventBatch

# Of the CPU; the aim is 0.5. Of the time it is less, because JSON alone keeps several threads at work.
CPU_BOUND, SPEED_BOUND = 0.4, 0.3


def landing_of_encodings(folder: Path, events: int, rounds: int = 3) -> list[Measurement]:
    """The speed of landing Avro and Protobuf, and its cost, as shares of landing the same events as JSON."""
    lines = write_requests(folder / f"encoded-{events}.ndjson", events)
    files: dict[str, tuple[Path, Callable[[Path], None]]] = {
        "Avro": (_write_avro(lines), _parse_avro),
        "Protobuf": (_write_protobuf(lines), _parse_protobuf),
    }
    measurements = []
    for name, (path, parse) in files.items():
        pairs = [(_cost(lines, folder), _cost(path, folder)) for _ in range(rounds)]
        label = f"landing {events:,} events as {name}: share of "
        parsing = events / seconds(partial(parse, path))
        for number, (what, unit, bound) in enumerate(
            (("speed", "events/s", SPEED_BOUND), ("events in a CPU second", "events/CPU s", CPU_BOUND))
        ):
            share = statistics.median(json[number] / ours[number] for json, ours in pairs)
            json, ours = (events / cost[number] for cost in pairs[-1])
            shown = f"{ours:,.0f} against {json:,.0f} {unit}"
            shown += f", {parsing:,.0f} to parse alone" if number == 0 else ""
            measurements.append(Measurement(label + f"JSON's {what}", share, ">=", bound, shown))
    return measurements


def _cost(path: Path, folder: Path) -> tuple[float, float]:
    """The seconds of landing a file in an empty archive, and those of the processor."""
    measured: list[float] = []
    work = partial(land_file, path, folder / "archive", fresh=True)
    measured.append(seconds(lambda: measured.append(cpu_seconds(work))))
    return measured[1], measured[0]


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

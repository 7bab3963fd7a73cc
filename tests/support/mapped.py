"""Foreign records of parcels, and mappings that make events of them: short to write.

Belongs here: what tests of landings by a mapping share. Not here: tests.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from event_archive import Archive, Landed, Source, land
from event_archive.mapping.mapping import Mapping, load_mapping
from support.events import lines

MAPPING = """
choose: kind
event:
  id: id
  source: {$constant: /scales}
  time: at
  actor: {clerk: who}
  object: {parcel: parcel}
rules:
  weighed:
    type: parcel.weighed.v1
    data: {label: label, grams: grams, due_at: {$constant: null}%s}
  beat: {ignore: the scales are on}
"""
LOST = """  lost:
    type: parcel.lost.v1
    data: {place: place}
"""


def written(folder: Path, text: str) -> Mapping:
    """A mapping file with this text, loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mapping.yaml"
    path.write_text(text)
    return load_mapping(path)


def narrow(folder: Path) -> Mapping:
    """The mapping that names little: lost parcels are refused, and what remarks say is left out."""
    return written(folder, MAPPING % "")


def wide(folder: Path) -> Mapping:
    """The mapping that takes the remarks as well, and lost parcels."""
    return written(folder, MAPPING % ", remarks: remarks" + LOST)


def ignoring(folder: Path) -> Mapping:
    """The narrow mapping, which ignores lost parcels on purpose."""
    return written(folder, MAPPING % "" + "  lost: {ignore: not yet}\n")


def of_trips(folder: Path) -> Mapping:
    """A mapping of records with several parcels each."""
    return written(folder, "each: parcels\n" + MAPPING % "")


def record(number: int, /, **changes: Any) -> dict[str, Any]:
    """The record that parcel `number` was weighed, with remarks."""
    return {
        "kind": "weighed",
        "id": f"w{number}",
        "at": f"2026-01-{number % 28 + 1:02}T09:14:07Z",
        "who": "ada",
        "parcel": f"p{number}",
        "label": f"parcel {number}",
        "grams": number,
        "remarks": {"by": "hand", "note": number},
    } | changes


def land_records(
    archive: Archive,
    records: Iterable[dict[str, Any] | bytes],
    mapping: Mapping,
    name: str = "records.ndjson",
) -> Landed:
    """Land a file with these records by a mapping."""
    path = archive.root.parent / name
    path.write_bytes(lines(records))
    return land(archive, Source(name, path), mapping=mapping)

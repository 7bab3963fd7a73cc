"""Values that mapping files say, computed over records: what each gives, or why the record is refused.

Belongs here: a mapping file around a `data` entry, and running it. Not here: landing what it makes, and
expressions by themselves (`expressions`).
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from event_archive.engine import open_engine
from event_archive.mapping.map_records import map_texts
from event_archive.mapping.mapping import Mapping, load_mapping

AROUND = {
    "choose": "'all'",
    "event": {
        "id": "'1'",
        "source": {"$constant": "urn:test"},
        "time": {"$constant": "2026-01-01T00:00:00Z"},
        "actor": {"user": "'1'"},
        "object": {"thing": "'1'"},
    },
}


@cache
def mapping_of(data: str) -> Mapping:
    """The mapping by which a `data` entry (JSON, which is YAML) is that of every record."""
    rules = {"all": {"type": "thing.done.v1", "data": json.loads(data)}}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.yaml"
        path.write_text(json.dumps({**AROUND, "rules": rules}), encoding="utf-8")
        return load_mapping(path)


def map_values(data: Any, records: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Return the text of each record's event, or None and the reason; `data`: that of the only rule."""
    with open_engine(threads=1, sealed=True) as engine:
        return map_texts(engine, mapping_of(json.dumps(data)), records)


def outcomes(data: Any, records: Sequence[str]) -> list[Any]:
    """Return each record's data, or the reason why there is none, without the name of the rule."""
    return [
        str(reason).removeprefix("rule all: ") if event is None else json.loads(event)["data"]
        for event, reason in map_values(data, records)
    ]

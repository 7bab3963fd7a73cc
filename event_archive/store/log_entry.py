"""A commit from the bytes of its entry in the log, which anybody may have written.

Belongs here: that they are one, in every value. Not here: the bytes of a commit (`commit`), and whether an
entry follows from the one before it (`log`).
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from event_archive.store.commit import (
    LATER_FILES,
    PARTS,
    Commit,
    Counts,
    LandedFile,
    QuarantineFile,
    RemappedLanding,
    Segment,
)

TYPES: Mapping[Any, tuple[type, ...]] = {
    int: (int,),
    str: (str,),
    bool: (bool,),
    str | None: (str, type(None)),
}
PLAIN_FIELDS = {
    part: tuple((field.name, TYPES[field.type]) for field in fields(part) if field.type in TYPES)
    for part in PARTS
}


def parse_entry(content: bytes) -> Commit:
    """A commit from its bytes; raises ValueError where they are not one."""
    try:
        entry: dict[str, Any] = json.loads(content)
        commit = Commit(
            **entry
            | {
                "landed_at": datetime.fromisoformat(entry["landed_at"]),
                "counts": Counts(**entry["counts"]),
                "segments": tuple(Segment(**segment) for segment in entry["segments"]),
                "quarantine": QuarantineFile(**entry["quarantine"]) if entry["quarantine"] else None,
                "ignored": dict(entry.get("ignored") or {}),
                **{name: _by_type(entry.get(name) or {}) for name in ("duplicates", "rejected")},
                "remapped": tuple(RemappedLanding(**landing) for landing in entry.get("remapped", ())),
                "replaces": tuple(Segment(**segment) for segment in entry.get("replaces", ())),
                "files": tuple(_landed_file(file) for file in entry.get("files", ())),
                **{name: QuarantineFile(**entry[name]) for name in LATER_FILES if entry.get(name)},
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError("not an entry of a log") from error
    parts: list[Commit | Counts | Segment | QuarantineFile | RemappedLanding | LandedFile]
    parts = [commit, commit.counts, *commit.segments, *commit.record_files, *commit.remapped]
    parts += [*commit.replaces, *commit.files, *(file.counts for file in commit.files)]
    values = [(getattr(part, name), types) for part in parts for name, types in PLAIN_FIELDS[type(part)]]
    counted = [commit.ignored, *commit.rejected.values(), *commit.duplicates.values()]
    counted += [segment.days for segment in (*commit.segments, *commit.replaces)]
    if not all(isinstance(counts, dict) for counts in counted):
        raise ValueError("not an entry of a log")
    values += [(count, TYPES[int]) for counts in counted for count in counts.values()]
    if not (commit.content and all(type(value) in types for value, types in values)):
        raise ValueError("not an entry of a log")
    return commit


def _by_type(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {name: dict(of_type) for name, of_type in counts.items()}


def _landed_file(entry: dict[str, Any]) -> LandedFile:
    return LandedFile(**entry | {"counts": Counts(**entry["counts"])})

"""Commits and the bytes of their entries: one meaning, one spelling, whatever a commit holds.

Belongs here: bytes of a commit, and a commit from bytes. Not here: the chain of entries (`test_log`).
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_archive.store.commit import (
    Commit,
    Counts,
    LandedFile,
    QuarantineFile,
    RemappedLanding,
    Segment,
)
from event_archive.store.log_entry import parse_entry
from support.hunting import examples

NUMBERS = st.integers(0, 3)
TEXTS = st.sampled_from(["", "events/a.parquet", 'é\n"', "\u2028"])
FILES = st.builds(QuarantineFile, path=TEXTS, sha256=TEXTS, bytes=NUMBERS, rows=NUMBERS)
COUNTS = st.builds(Counts, *[NUMBERS] * 5)
SEGMENTS = st.builds(
    Segment,
    type=TEXTS,
    path=TEXTS,
    sha256=TEXTS,
    bytes=NUMBERS,
    rows=NUMBERS,
    days=st.dictionaries(TEXTS, NUMBERS, max_size=2),
    min_occurred_at=TEXTS,
    max_occurred_at=TEXTS,
    revision=NUMBERS,
    corrections=NUMBERS,
    has_places=st.booleans(),
    made_from=NUMBERS,
)
COMMITS = st.builds(
    Commit,
    sequence=NUMBERS,
    previous=TEXTS,
    kind=TEXTS,
    landed_at=st.datetimes(timezones=st.just(UTC)),
    batch=TEXTS,
    batch_bytes=NUMBERS,
    origin=TEXTS,
    counts=COUNTS,
    mapping=st.none() | TEXTS,
    segments=st.lists(SEGMENTS, max_size=2).map(tuple),
    quarantine=st.none() | FILES,
    outcomes=st.none() | FILES,
    ignored=st.dictionaries(TEXTS, NUMBERS, max_size=2),
    records=st.none() | FILES,
    remapped=st.lists(st.builds(RemappedLanding, *[NUMBERS] * 3), max_size=2).map(tuple),
    replaces=st.lists(SEGMENTS, max_size=2).map(tuple),
    files=st.lists(st.builds(LandedFile, TEXTS, TEXTS, NUMBERS, COUNTS, NUMBERS), max_size=2).map(tuple),
    duplicates=st.dictionaries(TEXTS, st.dictionaries(TEXTS, NUMBERS, max_size=2), max_size=2),
    rejected=st.dictionaries(TEXTS, st.dictionaries(TEXTS, NUMBERS, max_size=2), max_size=2),
)
OF_ANOTHER_TYPE: dict[type, list[object]] = {
    int: [1.5, "1", None, True],
    bool: [1, "true", None],
    str: [1, ["a"], {}],
    type(None): [1, ["a"]],
    dict: [[1], 1, "a"],
}
UNSAID_OF_A_COMMIT = (
    "outcomes",
    "records",
    "ignored",
    "remapped",
    "replaces",
    "files",
    "duplicates",
    "rejected",
)
UNSAID_OF_A_SEGMENT = ("corrections", "has_places", "made_from")


def spelled_out(commit: Commit) -> bytes:
    """The bytes of an entry, worked out from every value of the commit, then less what is not said."""
    entry = asdict(commit) | {"landed_at": commit.landed_at.isoformat(timespec="microseconds")}
    for segment in (*entry["segments"], *entry["replaces"]):
        remove_empty(segment, UNSAID_OF_A_SEGMENT)
    remove_empty(entry["counts"], ("ignored",))
    remove_empty(entry, UNSAID_OF_A_COMMIT)
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def remove_empty(entry: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if not entry[name]:
            del entry[name]


@given(COMMITS)
@settings(max_examples=examples(200))
def test_an_entry_says_every_value_in_one_spelling_and_gives_it_back(commit: Commit) -> None:
    assert commit.content == spelled_out(commit)
    assert parse_entry(commit.content) == commit


@given(COMMITS, st.data())
@settings(max_examples=examples(100))
def test_a_value_of_another_type_makes_no_commit(commit: Commit, data: st.DataObject) -> None:
    entry = json.loads(commit.content)
    segments = [*entry["segments"], *entry.get("replaces", ())]
    parts = [entry, entry["counts"], *segments, *entry.get("files", ())]
    by_type = [entry[name] for name in ("duplicates", "rejected") if entry.get(name)]
    parts += [*by_type, *(counts for of_types in by_type for counts in of_types.values() if counts)]
    parts += [segment["days"] for segment in segments if segment["days"]]
    part = data.draw(st.sampled_from(parts))
    names = sorted(name for name, value in part.items() if not isinstance(value, list))
    name = data.draw(st.sampled_from(names))
    part[name] = data.draw(st.sampled_from(OF_ANOTHER_TYPE[type(part[name])]))
    with pytest.raises(ValueError, match="not an entry of a log"):
        parse_entry(json.dumps(entry).encode())


def test_what_is_said_of_an_empty_landing() -> None:
    commit = Commit(
        sequence=1,
        previous="0" * 64,
        kind="landing",
        landed_at=datetime(2026, 1, 2, tzinfo=UTC),
        batch="b",
        batch_bytes=7,
        origin="a.ndjson",
        counts=Counts(received=1, rejected=1),
    )
    assert commit.content == (
        b'{"batch":"b","batch_bytes":7,"counts":{"accepted":0,"duplicate":0,"received":1,"rejected":1},'
        b'"kind":"landing","landed_at":"2026-01-02T00:00:00.000000+00:00","mapping":null,'
        b'"origin":"a.ndjson","previous":"' + b"0" * 64 + b'","quarantine":null,"segments":[],"sequence":1}\n'
    )

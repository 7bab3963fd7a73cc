"""Corrections as they are in the archive: the events that correct or void, and those that they name.

Belongs here: finding both in the segments of some commits, and having them decided. Not here: what follows
from them (`corrections`), and how SQL is told (`correction_tables`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.sql_text import Relations, open_engine, sql_list
from event_archive.store.commit import Commit, segments_of
from event_archive.store.key_index import KEY, KeyIndex
from event_archive.views.corrections import CORRECTS, VOIDS, Decision, EventKey, Fact, decide

Landed = tuple[str, int]
"""The path of a segment, and the commit that brought it."""

KEYS = pa.schema([("source", pa.string()), ("event_id", pa.string())])


@dataclass(frozen=True)
class ResolvedCorrections:
    """The events that correct or void, `known`: these and those they name, and what follows from them."""

    corrections: Sequence[Fact]
    known: Mapping[EventKey, Fact]
    decision: Decision


def resolve_corrections(
    archive: Archive,
    commits: Sequence[Commit],
    as_of: datetime | None = None,
    object_type: str | None = None,
) -> ResolvedCorrections:
    """Find and decide the corrections in these commits, of events that had occurred before `as_of`.

    `object_type`: only those about objects of this type; they have nothing to do with any other.
    """
    corrections = list(_corrections(archive, commits, as_of, object_type))
    targets = _targets(archive, commits, corrections)
    # By a slow clock, a correction may have occurred before `as_of`, and what it names after it.
    others = [fact for fact in targets if as_of is None or fact.occurred_at < as_of]
    known = {fact.key: fact for fact in [*others, *corrections]}
    return ResolvedCorrections(corrections, known, decide(corrections, others))


def count_corrections(commits: Sequence[Commit]) -> int:
    """Return how many events of these commits correct or void another; from the log alone."""
    return sum(segment.corrections for segment in segments_of(commits))


def _corrections(
    archive: Archive, commits: Sequence[Commit], as_of: datetime | None, object_type: str | None
) -> Iterable[Fact]:
    """Yield the events that correct or void; only files that the log says hold some are opened."""
    correcting = [
        (segment, commit.sequence)
        for commit in commits
        for segment in commit.segments
        if segment.corrections and object_type in (None, segment.type.split(".")[0])
    ]
    files = archive.files.locations(segment for segment, _ in correcting)
    landed = dict(zip(files, ((segment.path, sequence) for segment, sequence in correcting), strict=True))
    if not landed:
        return
    with open_engine() as connection:
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS}, corrects, voids "
            f"FROM read_parquet({sql_list(landed)}, filename = true, union_by_name = true) "
            "WHERE corrects IS NOT NULL OR voids IS NOT NULL"
        ).fetchall()
    for *columns, corrects, voids in rows:
        kind = CORRECTS if corrects is not None else VOIDS
        fact = replace(_fact(columns, landed), kind=kind, target_id=corrects or voids)
        if as_of is None or fact.occurred_at < as_of:
            yield fact


_FACT_COLUMNS = "source, event_id, object_type, object_id, verb, occurred_at, event_date, filename"


def _targets(archive: Archive, commits: Sequence[Commit], corrections: Sequence[Fact]) -> list[Fact]:
    """Return the events that corrections name, corrections themselves left out; by the index of keys."""
    named = {(fact.source, fact.target_id) for fact in corrections} - {fact.key for fact in corrections}
    if not named:
        return []
    with archive.storage.scratch() as folder, open_engine() as connection:
        index = KeyIndex(archive.storage, archive.files, connection, commits, folder)
        landed = [(segment.path, commit.sequence) for commit in commits for segment in commit.segments]
        return _find(connection, index, named, landed)


def _find(
    connection: duckdb.DuckDBPyConnection,
    index: KeyIndex,
    named: Iterable[tuple[str, str | None]],
    landed: Sequence[Landed],
) -> list[Fact]:
    """Return the events of these keys; `landed`: the segments of the index."""
    keys = [{"source": source, "event_id": event_id} for source, event_id in named]
    with Relations(connection) as relations:
        events = relations.register("named", pa.Table.from_pylist(keys, KEYS))
        hashes = relations.create("named_keys", f"SELECT {KEY} AS h FROM {events}")
        segments = index.find(hashes, relations).segments
        by_file = {index.files[number][0]: landed[number] for number in segments}
        if not by_file:
            return []
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS} FROM read_parquet({sql_list(by_file)}, filename = true) "
            f"SEMI JOIN {events} USING (source, event_id)"
        ).fetchall()
    return [_fact(columns, by_file) for columns in rows]


def _fact(columns: Sequence[Any], landed: Mapping[str, Landed]) -> Fact:
    source, event_id, object_type, object_id, verb, occurred_at, event_date, file = columns
    segment, sequence = landed[file]
    return Fact(
        source, event_id, object_type, object_id, verb, occurred_at, event_date, sequence, segment=segment
    )

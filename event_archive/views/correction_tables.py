"""Corrections as they are in the archive: found in its segments, decided, and given to SQL as two tables.

Belongs here: reading the events that carry `corrects` or `voids`, finding those that they name, over one cut
of the log, and the tables `events.corrections` and `events.removed_events`. Not here: what follows from them
(`corrections`).
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
from event_archive.views.corrections import CORRECTS, VOIDS, Decision, EventKey, Fact, decide, named_event

TABLES = {
    "corrections": pa.schema(
        [
            ("source", pa.string()),
            ("event_id", pa.string()),
            ("kind", pa.string()),
            ("status", pa.string()),
            ("object_type", pa.string()),
            ("object_id", pa.string()),
            ("occurred_at", pa.timestamp("us", tz="UTC")),
            ("sequence", pa.int64()),
            ("corrected_event_id", pa.string()),
            ("replaced_event_id", pa.string()),
            ("place_at", pa.timestamp("us", tz="UTC")),
            ("place_date", pa.date32()),
            ("known_sequence", pa.int64()),
            ("first_sequence", pa.int64()),
        ]
    ),
    "removed_events": pa.schema([("source", pa.string()), ("event_id", pa.string())]),
}


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
    others = _targets(archive, commits, corrections)
    known = {fact.key: fact for fact in [*others, *corrections]}
    return ResolvedCorrections(corrections, known, decide(corrections, others))


def create_correction_tables(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    commits: Sequence[Commit],
    as_of: datetime | None,
    schema: str,
) -> None:
    """Make the tables `corrections` and `removed_events` over these commits and, with `as_of`, up to then."""
    resolved = resolve_corrections(archive, commits, as_of)
    decision = resolved.decision
    rows = []
    for fact in sorted(resolved.corrections, key=lambda correction: correction.order):
        place = decision.places.get(fact.key)
        target = named_event(fact, resolved.known)
        rows.append(
            {
                "source": fact.source,
                "event_id": fact.event_id,
                "kind": fact.kind,
                "status": decision.statuses[fact.key],
                "object_type": fact.object_type,
                "object_id": fact.object_id,
                "occurred_at": fact.occurred_at,
                "sequence": fact.sequence,
                "corrected_event_id": fact.target_id,
                "replaced_event_id": (decision.replaced.get(fact.key) or (None, None))[1],
                "place_at": place.occurred_at if place else None,
                "place_date": place.event_date if place else None,
                "known_sequence": max(fact.sequence, target.sequence if target else 0),
                "first_sequence": min(fact.sequence, target.sequence if target else fact.sequence),
            }
        )
    removed = [{"source": source, "event_id": event_id} for source, event_id in sorted(decision.removed)]
    for name, content in (("corrections", rows), ("removed_events", removed)):
        with Relations(connection) as relations:
            table = relations.register(name, pa.Table.from_pylist(content, TABLES[name]))
            connection.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS SELECT * FROM {table}")


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
    sequences = dict(zip(files, (sequence for _, sequence in correcting), strict=True))
    if not sequences:
        return
    with open_engine() as connection:
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS}, filename, corrects, voids "
            f"FROM read_parquet({sql_list(sequences)}, filename = true, union_by_name = true) "
            "WHERE corrects IS NOT NULL OR voids IS NOT NULL"
        ).fetchall()
    for *columns, file, corrects, voids in rows:
        kind = CORRECTS if corrects is not None else VOIDS
        fact = replace(_fact(columns, sequences[file]), kind=kind, target_id=corrects or voids)
        if as_of is None or fact.occurred_at < as_of:
            yield fact


_FACT_COLUMNS = "source, event_id, object_type, object_id, occurred_at, event_date"


def _targets(archive: Archive, commits: Sequence[Commit], corrections: Sequence[Fact]) -> list[Fact]:
    """Return the events that corrections name, corrections themselves left out; by the index of keys."""
    named = {(fact.source, fact.target_id) for fact in corrections} - {fact.key for fact in corrections}
    if not named:
        return []
    with archive.storage.scratch() as folder, open_engine() as connection:
        index = KeyIndex(archive.storage, archive.files, connection, commits, folder)
        sequences = [commit.sequence for commit in commits for _ in commit.segments]
        return _find(connection, index, named, sequences)


def _find(
    connection: duckdb.DuckDBPyConnection,
    index: KeyIndex,
    named: Iterable[tuple[str, str | None]],
    sequences: Sequence[int],
) -> list[Fact]:
    """Return the events of these keys; `sequences`: the commit of each segment of the index."""
    keys = [{"source": source, "event_id": event_id} for source, event_id in named]
    with Relations(connection) as relations:
        events = relations.register("named", pa.Table.from_pylist(keys, TABLES["removed_events"]))
        hashes = relations.create("named_keys", f"SELECT {KEY} AS h FROM {events}")
        segments = index.find(hashes, relations).segments
        by_file = {index.files[number][0]: sequences[number] for number in segments}
        if not by_file:
            return []
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS}, filename FROM read_parquet({sql_list(by_file)}, filename = true) "
            f"SEMI JOIN {events} USING (source, event_id)"
        ).fetchall()
    return [_fact(columns, by_file[file]) for *columns, file in rows]


def _fact(columns: Sequence[Any], sequence: int) -> Fact:
    source, event_id, object_type, object_id, occurred_at, event_date = columns
    return Fact(source, event_id, object_type, object_id, occurred_at, event_date, sequence)

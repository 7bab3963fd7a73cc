"""Corrections as they are in the archive: found in its segments, decided, and given to SQL as two tables.

Belongs here: reading the events that carry `corrects` or `voids`, finding those that they name, over one cut
of the log, and the tables `events.corrections` and `events.removed_events`. Not here: what follows from them
(`corrections`).
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.sql_text import open_engine, sql_list
from event_archive.store.commit import Commit, segments_of
from event_archive.store.key_index import KEY, KeyIndex
from event_archive.views.corrections import CORRECTS, VOIDS, Fact, Name, Standing, decide, named_event

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
    known: Mapping[Name, Fact]
    standing: Standing


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
    known = {fact.name: fact for fact in [*targets, *corrections]}
    return ResolvedCorrections(corrections, known, decide(corrections, targets))


def create_correction_tables(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    commits: Sequence[Commit],
    as_of: datetime | None,
    schema: str,
) -> None:
    """Make the tables `corrections` and `removed_events` over these commits and, with `as_of`, up to then."""
    resolved = resolve_corrections(archive, commits, as_of)
    standing = resolved.standing
    rows = []
    for fact in sorted(resolved.corrections, key=lambda fact: fact.order):
        place = standing.places.get(fact.name)
        meant = named_event(fact, resolved.known)
        rows.append(
            {
                "source": fact.source,
                "event_id": fact.event_id,
                "kind": fact.kind,
                "status": standing.statuses[fact.name],
                "object_type": fact.object_type,
                "object_id": fact.object_id,
                "occurred_at": fact.occurred_at,
                "sequence": fact.sequence,
                "corrected_event_id": fact.names,
                "replaced_event_id": (standing.replaced.get(fact.name) or (None, None))[1],
                "place_at": place.occurred_at if place else None,
                "place_date": place.event_date if place else None,
                "known_sequence": max(fact.sequence, meant.sequence if meant else 0),
                "first_sequence": min(fact.sequence, meant.sequence if meant else fact.sequence),
            }
        )
    removed = [{"source": source, "event_id": event_id} for source, event_id in sorted(standing.removed)]
    for name, content in (("corrections", rows), ("removed_events", removed)):
        connection.register("decided", pa.Table.from_pylist(content, TABLES[name]))
        connection.execute(f"CREATE OR REPLACE TABLE {schema}.{name} AS SELECT * FROM decided")
        connection.unregister("decided")


def _corrections(
    archive: Archive, commits: Sequence[Commit], as_of: datetime | None, object_type: str | None
) -> Iterable[Fact]:
    """The events that correct or void; only files that the log says hold some are opened."""
    held = {
        archive.storage.location(segment.path): commit.sequence
        for commit in commits
        for segment in commit.segments
        if segment.corrections and object_type in (None, segment.type.split(".")[0])
    }
    if not held:
        return
    with closing(open_engine()) as connection:
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS}, filename, corrects, voids "
            f"FROM read_parquet({sql_list(held)}, filename = true, union_by_name = true) "
            "WHERE corrects IS NOT NULL OR voids IS NOT NULL"
        ).fetchall()
    for *fact, file, corrects, voids in rows:
        kind = CORRECTS if corrects is not None else VOIDS
        one = replace(_fact(fact, held[file]), kind=kind, names=corrects or voids)
        if as_of is None or one.occurred_at < as_of:
            yield one


_FACT_COLUMNS = "source, event_id, object_type, object_id, occurred_at, event_date"


def _targets(archive: Archive, commits: Sequence[Commit], corrections: Sequence[Fact]) -> list[Fact]:
    """The events that corrections name, corrections themselves left out, found by the index of keys."""
    wanted = {(fact.source, fact.names) for fact in corrections} - {fact.name for fact in corrections}
    if not wanted:
        return []
    sequences = [commit.sequence for commit in commits for _ in commit.segments]
    with archive.storage.scratch() as folder, closing(open_engine()) as connection:
        return _find(archive, commits, connection, folder, wanted, sequences)


def _find(
    archive: Archive,
    commits: Sequence[Commit],
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    wanted: Iterable[tuple[str, str | None]],
    sequences: Sequence[int],
) -> list[Fact]:
    index = KeyIndex(archive, connection, commits, folder)
    names = [{"source": source, "event_id": event_id} for source, event_id in wanted]
    connection.register("wanted", pa.Table.from_pylist(names, TABLES["removed_events"]))
    connection.execute(f"CREATE TEMP TABLE wanted_keys AS SELECT {KEY} AS h FROM wanted")
    held = {index.files[number][0]: sequences[number] for number in index.find("wanted_keys")}
    if not held:
        return []
    rows = connection.execute(
        f"SELECT {_FACT_COLUMNS}, filename FROM read_parquet({sql_list(held)}, filename = true) "
        "SEMI JOIN wanted USING (source, event_id)"
    ).fetchall()
    return [_fact(fact, held[file]) for *fact, file in rows]


def _fact(columns: Sequence[Any], sequence: int) -> Fact:
    source, event_id, object_type, object_id, occurred_at, event_date = columns
    return Fact(source, event_id, object_type, object_id, occurred_at, event_date, sequence)


def corrections_in(commits: Sequence[Commit]) -> int:
    """How many events of these commits correct or void another; from the log alone."""
    return sum(segment.corrections for segment in segments_of(commits))

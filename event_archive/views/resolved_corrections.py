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
from event_archive.engine import Relations, open_engine
from event_archive.envelope import REVISION
from event_archive.sql_text import literal, sql_list
from event_archive.store.commit import Commit, standing_segments
from event_archive.store.key_index import KEY, KeyIndex
from event_archive.views.corrections import (
    CORRECTS,
    VOIDS,
    Decision,
    EventKey,
    Fact,
    decide,
    in_order_of_revision,
)

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
    facts = in_order_of_revision(_corrections(archive, commits, as_of, object_type))
    corrections = [fact for fact in facts if fact.kind]
    first_revisions = [fact for fact in facts if not fact.kind]
    targets = _targets(archive, commits, corrections, first_revisions)
    # By a slow clock, a correction may have occurred before `as_of`, and what it names after it.
    others = [*first_revisions, *(fact for fact in targets if as_of is None or fact.occurred_at < as_of)]
    known = {fact.key: fact for fact in [*others, *corrections]}
    return ResolvedCorrections(corrections, known, decide(corrections, others))


def _corrections(
    archive: Archive, commits: Sequence[Commit], as_of: datetime | None, object_type: str | None
) -> Iterable[Fact]:
    """Yield the events that correct or void; only files that the log says hold some are opened.

    Of revisions, those alone of which there are several: where every event of a stream is one, nearly all are
    the only one.
    """
    correcting = [
        (segment, commit.sequence)
        for commit, segment in standing_segments(commits)
        if segment.corrections and object_type in (None, segment.type.split(".")[0])
    ]
    files = archive.files.locations(segment for segment, _ in correcting)
    landed = dict(zip(files, ((segment.path, sequence) for segment, sequence in correcting), strict=True))
    if not landed:
        return
    with open_engine() as connection:
        rows = connection.execute(
            f"SELECT {_FACT_COLUMNS}, corrects, voids, {_REVISION} AS revision "
            f"FROM read_parquet({sql_list(landed)}, filename = true, union_by_name = true) "
            "WHERE corrects IS NOT NULL OR voids IS NOT NULL "
            "QUALIFY revision IS NULL OR count(revision) OVER (PARTITION BY source, corrects) > 1"
        ).fetchall()
    for *columns, corrects, voids, revision in rows:
        kind = CORRECTS if corrects is not None else VOIDS
        fact = replace(_fact(columns, landed), kind=kind, target_id=corrects or voids, revision=revision)
        if as_of is None or fact.occurred_at < as_of:
            yield fact


_FACT_COLUMNS = "source, event_id, object_type, object_id, verb, occurred_at, event_date, filename"


_REVISION = (
    f"CASE WHEN starts_with(event_id, corrects || {literal(REVISION)}) THEN TRY_CAST(regexp_extract("
    f"substr(event_id, length(corrects) + {len(REVISION) + 1}), '^[0-9]{{1,19}}$') AS UBIGINT) END"
)
"""The number of an event among the revisions of what it corrects; NULL where it is none."""


def _targets(
    archive: Archive, commits: Sequence[Commit], corrections: Sequence[Fact], found: Sequence[Fact]
) -> list[Fact]:
    """Return what corrections name, but for corrections and the events `found`, by the index of keys."""
    named = {(fact.source, fact.target_id) for fact in corrections}
    named -= {fact.key for fact in [*corrections, *found]}
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

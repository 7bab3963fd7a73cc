"""Why rows differ between two datasets: the events that only one of the two cuts shows.

Belongs here: the events of the archive that are behind a row, and what is shown of each. Not here: which rows
differ (`rows`), and whose events they come from (`wanted_objects`, `wanted_keys`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from event_archive import Archive
from event_archive.engine import Relations
from event_archive.store.inputs import input_at
from event_archive.views.between_cuts import Cut, differing_events_sql
from event_archive.views.correction_tables import create_correction_tables
from event_archive.views.segment_sql import SCHEMA, create_segments_table
from orchestration.dataset.row_tracing import EventTrace, MartDescription
from orchestration.diff.rows import Row
from orchestration.diff.traced_rows import Differences, traced_rows
from orchestration.diff.wanted_keys import WantedKeys
from orchestration.diff.wanted_objects import WantedObjects


@dataclass(frozen=True)
class Cause:
    """An event that only one side knows, when it landed and from which file.

    `mends`: the event that it corrects or voids, as `mending` says; `mended_at`: when that event occurred,
    where it has landed.
    """

    event_id: str
    event_type: str
    occurred_at: datetime
    landed_at: datetime
    sequence: int
    origin: str
    only_in: str
    mending: str | None = None
    mends: str | None = None
    mended_at: datetime | None = None


@dataclass(frozen=True)
class Causes:
    """The first events that changed a row, and how many there are."""

    events: tuple[Cause, ...] = ()
    count: int = 0


def find_causes(
    connection: duckdb.DuckDBPyConnection,
    archive: Archive,
    cuts: tuple[Cut, Cut],
    rows: Mapping[str, Sequence[Row]],
    marts: Mapping[str, MartDescription],
    differences: Differences,
    limit: int | None,
) -> tuple[dict[tuple[str, int], Causes], dict[str, str]]:
    """Find the events behind these rows, by table and the row's number; of each row at most `limit`.

    Also returns, by table, why the events of some rows can't be found.
    """
    objects, keys = WantedObjects(connection, archive), WantedKeys(connection, archive)
    for table, shown in rows.items():
        with Relations(connection) as relations:
            ids = pa.table({"row_id": pa.array([row.id for row in shown], pa.int64())})
            shown_rows = relations.register("shown_rows", ids)
            for sql, trace in traced_rows(table, shown_rows, marts, differences):
                if isinstance(trace, EventTrace):
                    objects.add(table, sql, trace)
                else:
                    keys.add(table, sql, trace)
    create_segments_table(connection, archive, archive.log.commits())
    problems = keys.find(cuts)
    events_sql = differing_events_sql(archive, *cuts, objects.views() | keys.views())
    if not events_sql:
        return {}, problems
    matched = [objects.events_sql(events_sql), *([keys.events_sql(events_sql)] if keys.views() else [])]
    events = connection.execute(causes_sql(" UNION ALL BY NAME ".join(matched), limit)).fetchall()
    mended = moments_mended(connection, archive, cuts) if any(event[-2] for event in events) else {}
    return group_by_row(archive, events, mended), problems


def causes_sql(matched: str, limit: int | None) -> str:
    """The SELECT of the events of each row: corrections first, then in the order they landed."""
    first = "" if limit is None else f"QUALIFY place <= {int(limit)}"
    columns = (
        "source, event_id, event_type, occurred_at, landed_at, sequence, position, in_other, corrects, voids"
    )
    return (
        f"WITH matched AS (SELECT DISTINCT mart, row_id, {columns} FROM ({matched})) "
        "SELECT mart, row_id, count(*) OVER (PARTITION BY mart, row_id), "
        "source, event_id, event_type, occurred_at, landed_at, sequence, position, in_other, "
        "CASE WHEN corrects IS NOT NULL THEN 'corrects' WHEN voids IS NOT NULL THEN 'voids' END AS mending, "
        "coalesce(corrects, voids), row_number() OVER ("
        "PARTITION BY mart, row_id ORDER BY mending IS NULL, sequence, occurred_at, event_id) AS place "
        f"FROM matched {first} ORDER BY mart, row_id, place"
    )


def moments_mended(
    connection: duckdb.DuckDBPyConnection, archive: Archive, cuts: tuple[Cut, Cut]
) -> dict[tuple[str, str], datetime]:
    """Return, per correction that names an event which has landed, when that event occurred."""
    commits = archive.log.commits(max(cut.sequence for cut in cuts))
    create_correction_tables(connection, archive, commits, None, SCHEMA)
    rows = connection.execute(
        f"SELECT source, event_id, place_at FROM {SCHEMA}.corrections WHERE place_at IS NOT NULL"
    ).fetchall()
    return {(source, event_id): place_at for source, event_id, place_at in rows}


def group_by_row(
    archive: Archive, events: Sequence[tuple[Any, ...]], mended: Mapping[tuple[str, str], datetime]
) -> dict[tuple[str, int], Causes]:
    """Return the events of each row together, each with the file that it came from."""
    commits = archive.log.commits()
    causes: dict[tuple[str, int], Causes] = {}
    for mart, row_id, count, source, event_id, event_type, occurred_at, landed_at, sequence, *rest in events:
        position, in_other, mending, mends, _ = rest
        commit = commits[sequence - 1]
        event = Cause(
            event_id=event_id,
            event_type=event_type,
            occurred_at=occurred_at,
            landed_at=landed_at,
            sequence=sequence,
            origin=commit.origin if position is None else input_at(commit, position).origin,
            only_in="b" if in_other else "a",
            mending=mending,
            mends=mends,
            mended_at=mended.get((source, event_id)),
        )
        before = causes.get((mart, row_id), Causes())
        causes[mart, row_id] = Causes((*before.events, event), count)
    return causes

"""Why rows differ between two datasets: the events that only one of the two cuts shows.

Belongs here: from rows that differ to the objects that they come from, and from these to events of the
archive. Not here: which rows differ (`row_differences`), how a mart is traced (`tracing`). A row of a fact
comes from the events of one object; a row of a report from rows of facts that differ themselves.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from event_archive.archive import Archive
from event_archive.registry.contract import ALL_EVENTS
from event_archive.views.between_cuts import Cut, differing_events_sql
from event_archive.views.correction_tables import create_correction_tables
from event_archive.views.event_views import SCHEMA, create_segments_table
from orchestration.dataset.row_tracing import EventTrace, MartNote, RowTrace
from orchestration.dataset.tables import name, text
from orchestration.diff.rows import ADDED, READ_AGAIN, REMOVED, Row, RowDifferences

Differences = Callable[[str], RowDifferences | None]
"""The rows of a table that differ; None where one side has no such table."""


@dataclass(frozen=True)
class Cause:
    """An event that only one side knows, when it landed and from which file.

    `mends`: the event that it corrects or voids, as `mending` says; `mended_at`: when that one occurred,
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
    notes: Mapping[str, MartNote],
    differences: Differences,
    limit: int | None,
) -> dict[tuple[str, int], Causes]:
    """Find the events behind these rows, by table and the row's number; of each row at most `limit`."""
    objects = {contract.view_name: contract.object_type for contract in archive.contracts.newest()}
    connection.register("views", pa.table({"view": list(objects), "object_type": list(objects.values())}))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE wanted "
        "(mart VARCHAR, row_id BIGINT, view VARCHAR, object_type VARCHAR, object_id VARCHAR)"
    )
    for table, shown in rows.items():
        connection.register("shown", pa.table({"row_id": pa.array([row.id for row in shown], pa.int64())}))
        for sql, trace in wanted_objects(table, notes, differences):
            read = "true" if ALL_EVENTS in trace.views else f"view IN ({', '.join(map(text, trace.views))})"
            connection.execute(
                f"INSERT INTO wanted SELECT DISTINCT {text(table)}, row_id, view, views.object_type, "
                f"object_id FROM ({sql}) AS objects JOIN views "
                f"ON {read} AND views.object_type = coalesce(objects.object_type, views.object_type)"
            )
        connection.unregister("shown")
    asked = {view for (view,) in connection.execute("SELECT DISTINCT view FROM wanted").fetchall()}
    create_segments_table(connection, archive, archive.log.commits())
    events = differing_events_sql(archive, *cuts, asked)
    found = connection.execute(causes_sql(events, limit)).fetchall() if events else []
    connection.unregister("views")
    mended = moments_mended(connection, archive, cuts) if any(row[-2] for row in found) else {}
    return gathered(archive, found, mended)


def wanted_objects(
    table: str, notes: Mapping[str, MartNote], differences: Differences
) -> Iterator[tuple[str, EventTrace]]:
    """Word, per way of tracing a table's shown rows, the SELECT of `row_id`, `object_id`, `object_type`."""
    own = differences(table)
    if own is None or table not in notes:
        return
    for trace in notes[table].traced_to:
        if isinstance(trace, EventTrace):
            yield objects_sql(own, trace), trace
            continue
        there = differences(trace.table)
        for of_fact in notes[trace.table].traced_to if there and trace.table in notes else ():
            if there and isinstance(of_fact, EventTrace):
                yield joined_sql(own, there, trace, of_fact), of_fact


def objects_sql(own: RowDifferences, trace: EventTrace) -> str:
    """The SELECT of the objects of a table's shown rows."""
    objects = values_sql(own, object_columns(trace), shown=True)
    return objects if trace.object_type else f"SELECT *, NULL AS object_type FROM ({objects})"


def object_columns(trace: EventTrace) -> dict[str, str]:
    """Name the columns that say which object it is."""
    return {"object_id": trace.object_id} | ({"object_type": trace.object_type} if trace.object_type else {})


def joined_sql(own: RowDifferences, there: RowDifferences, trace: RowTrace, of_fact: EventTrace) -> str:
    """The SELECT of the objects of a fact's rows that differ and belong to a report's rows, on either side.

    Where a fact's row moved from one row of the report to another, it has changed both.
    """
    keys = {f"key_{place}": column for place, column in enumerate(trace.by)}
    months = {key for key, column in keys.items() if column in trace.months}
    mine = values_sql(own, keys, shown=True)
    columns = {key: trace.by[column] for key, column in keys.items()}
    theirs = values_sql(there, columns | object_columns(of_fact), months)
    same = " AND ".join(f"mine.{key} IS NOT DISTINCT FROM theirs.{key}" for key in keys)
    kind = "theirs.object_type" if of_fact.object_type else "NULL"
    return (
        f"SELECT mine.row_id, theirs.object_id, {kind} AS object_type "
        f"FROM ({mine}) AS mine JOIN ({theirs}) AS theirs ON {same}"
    )


def values_sql(
    differences: RowDifferences,
    columns: Mapping[str, str],
    months: Collection[str] = (),
    *,
    shown: bool = False,
) -> str:
    """The SELECT of columns of the rows that differ, of those shown or of all, where a side has them."""
    chosen = "AND rowid IN (SELECT row_id FROM shown)" if shown else ""
    parts = []
    for side, absent in (("a", ADDED), ("b", REMOVED)):
        if not differences.shape.has(side, columns.values()):
            continue
        values = {alias: f"{side}.{name(column)}" for alias, column in columns.items()}
        values |= {alias: f"date_trunc('month', {values[alias]})::DATE" for alias in months}
        listed = ", ".join(f"{value} AS {alias}" for alias, value in values.items())
        parts.append(
            f"SELECT rowid AS row_id, {listed} FROM {differences.found} "
            f"WHERE kind NOT IN ('{READ_AGAIN}', '{absent}') {chosen}"
        )
    nothing = ", ".join(f"NULL AS {alias}" for alias in ("row_id", *columns))
    parts = parts or [f"SELECT {nothing} WHERE false"]
    return " UNION ".join(parts)


def causes_sql(events: str, limit: int | None) -> str:
    """The SELECT of the events of the wanted objects: corrections first, then in the order they landed."""
    first = "" if limit is None else f"QUALIFY place <= {int(limit)}"
    return (
        "WITH matched AS (SELECT DISTINCT mart, row_id, events.* EXCLUDE (view_name) "
        f"FROM ({events}) AS events JOIN wanted USING (object_type, object_id) "
        "WHERE events.view_name = wanted.view OR corrects IS NOT NULL OR voids IS NOT NULL) "
        "SELECT mart, row_id, count(*) OVER (PARTITION BY mart, row_id), "
        "source, event_id, event_type, occurred_at, landed_at, sequence, in_other, "
        "CASE WHEN corrects IS NOT NULL THEN 'corrects' WHEN voids IS NOT NULL THEN 'voids' END AS mending, "
        "coalesce(corrects, voids), row_number() OVER ("
        "PARTITION BY mart, row_id ORDER BY mending IS NULL, sequence, occurred_at, event_id) AS place "
        f"FROM matched {first} ORDER BY mart, row_id, place"
    )


def moments_mended(
    connection: duckdb.DuckDBPyConnection, archive: Archive, cuts: tuple[Cut, Cut]
) -> dict[tuple[str, str], datetime]:
    """Tell, per correction that names an event which has landed, when that one occurred."""
    commits = archive.log.commits(max(cut.sequence for cut in cuts))
    create_correction_tables(connection, archive, commits, None, SCHEMA)
    rows = connection.execute(
        f"SELECT source, event_id, place_at FROM {SCHEMA}.corrections WHERE place_at IS NOT NULL"
    ).fetchall()
    return {(source, event_id): place_at for source, event_id, place_at in rows}


def gathered(
    archive: Archive, found: Sequence[tuple[Any, ...]], mended: Mapping[tuple[str, str], datetime]
) -> dict[tuple[str, int], Causes]:
    """Put the events of each row together, each with the file that it came from."""
    origins = {commit.sequence: commit.origin for commit in archive.log.commits()}
    causes: dict[tuple[str, int], Causes] = {}
    for mart, row_id, count, source, event_id, event_type, occurred_at, landed_at, sequence, *rest in found:
        in_other, mending, mends, _ = rest
        event = Cause(
            event_id=event_id,
            event_type=event_type,
            occurred_at=occurred_at,
            landed_at=landed_at,
            sequence=sequence,
            origin=origins[sequence],
            only_in="b" if in_other else "a",
            mending=mending,
            mends=mends,
            mended_at=mended.get((source, event_id)),
        )
        before = causes.get((mart, row_id), Causes())
        causes[mart, row_id] = Causes((*before.events, event), count)
    return causes

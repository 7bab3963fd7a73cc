"""The objects that rows which differ come from: their events are looked for.

Belongs here: from rows to objects. Not here: the events (`causes`), and how a mart is traced
(`dataset.row_tracing`). A row of a fact comes from the events of one object; a row of a report from rows of
facts that differ themselves.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from event_archive import Archive
from event_archive.registry.contract import ALL_EVENTS
from event_archive.sql_text import literal, quoted
from orchestration.dataset.row_tracing import EventTrace, MartDescription, RowTrace
from orchestration.diff.rows import ADDED, READ_AGAIN, REMOVED, Row, RowDifferences

Differences = Callable[[str], RowDifferences | None]
"""The rows of a table that differ; None where one side has no such table."""


class WantedObjects:
    """The objects whose events are looked for, per row that is shown: a temporary table of a connection."""

    temporary_table = "temp.wanted_objects"

    def __init__(self, connection: duckdb.DuckDBPyConnection, archive: Archive) -> None:
        self._connection = connection
        types = {contract.view_name: contract.object_type for contract in archive.contracts.newest()}
        self._views = pa.table({"view": list(types), "object_type": list(types.values())})
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self.temporary_table} "
            "(mart VARCHAR, row_id BIGINT, view VARCHAR, object_type VARCHAR, object_id VARCHAR)"
        )

    def add(
        self, table: str, rows: Sequence[Row], marts: Mapping[str, MartDescription], differences: Differences
    ) -> None:
        """Add the objects that these rows of a table come from."""
        shown_rows = pa.table({"row_id": pa.array([row.id for row in rows], pa.int64())})
        with (
            registered(self._connection, "shown_rows", shown_rows) as shown,
            registered(self._connection, "event_views", self._views) as views,
        ):
            for sql, trace in objects_of_rows(table, shown, marts, differences):
                is_read = (
                    "true"
                    if ALL_EVENTS in trace.views
                    else f"view IN ({', '.join(map(literal, trace.views))})"
                )
                self._connection.execute(
                    f"INSERT INTO {self.temporary_table} "
                    f"SELECT DISTINCT {literal(table)}, row_id, view, known.object_type, object_id "
                    f"FROM ({sql}) AS objects JOIN {views} AS known "
                    f"ON {is_read} AND known.object_type = coalesce(objects.object_type, known.object_type)"
                )

    def views(self) -> set[str]:
        """The views whose events are looked for."""
        rows = self._connection.execute(f"SELECT DISTINCT view FROM {self.temporary_table}").fetchall()
        return {view for (view,) in rows}


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> Iterator[str]:
    """The name under which queries can read an Arrow table, until this context ends."""
    connection.register(name, rows)
    try:
        yield name
    finally:
        connection.unregister(name)


def objects_of_rows(
    table: str, shown: str, marts: Mapping[str, MartDescription], differences: Differences
) -> Iterator[tuple[str, EventTrace]]:
    """The SELECT of `row_id`, `object_id` and `object_type`, per way of tracing the shown rows of a table."""
    own = differences(table)
    if own is None or table not in marts:
        return
    for trace in marts[table].traced_to:
        if isinstance(trace, EventTrace):
            yield objects_sql(own, shown, trace), trace
            continue
        upstream = differences(trace.table)
        for of_fact in marts[trace.table].traced_to if upstream and trace.table in marts else ():
            if upstream and isinstance(of_fact, EventTrace):
                yield joined_sql(own, shown, upstream, trace, of_fact), of_fact


def objects_sql(own: RowDifferences, shown: str, trace: EventTrace) -> str:
    """The SELECT of the objects of a table's shown rows."""
    objects = values_sql(own, object_columns(trace), shown=shown)
    return objects if trace.object_type else f"SELECT *, NULL AS object_type FROM ({objects})"


def object_columns(trace: EventTrace) -> dict[str, str]:
    """The columns that say which object it is, by what they say."""
    return {"object_id": trace.object_id} | ({"object_type": trace.object_type} if trace.object_type else {})


def joined_sql(
    own: RowDifferences, shown: str, upstream: RowDifferences, trace: RowTrace, of_fact: EventTrace
) -> str:
    """The SELECT of the objects of a fact's rows that differ and belong to a report's rows, on either side.

    Where a fact's row moved from one row of the report to another, it has changed both.
    """
    keys = {f"key_{place}": column for place, column in enumerate(trace.by)}
    months = {key for key, column in keys.items() if column in trace.months}
    mine = values_sql(own, keys, shown=shown)
    columns = {key: trace.by[column] for key, column in keys.items()}
    theirs = values_sql(upstream, columns | object_columns(of_fact), months)
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
    shown: str | None = None,
) -> str:
    """The SELECT of columns of the rows that differ, of those shown or of all, where a side has them."""
    chosen = f"AND rowid IN (SELECT row_id FROM {shown})" if shown else ""
    parts = []
    for side, absent in (("a", ADDED), ("b", REMOVED)):
        if not differences.comparison.has(side, columns.values()):
            continue
        values = {alias: f"{side}.{quoted(column)}" for alias, column in columns.items()}
        values |= {alias: f"date_trunc('month', {values[alias]})::DATE" for alias in months}
        listed = ", ".join(f"{value} AS {alias}" for alias, value in values.items())
        parts.append(
            f"SELECT rowid AS row_id, {listed} FROM {differences.temporary_table} "
            f"WHERE kind NOT IN ('{READ_AGAIN}', '{absent}') {chosen}"
        )
    nothing = ", ".join(f"NULL AS {alias}" for alias in ("row_id", *columns))
    parts = parts or [f"SELECT {nothing} WHERE false"]
    return " UNION ".join(parts)

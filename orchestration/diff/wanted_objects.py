"""The objects that rows which differ come from: their events are looked for.

Belongs here: events that are known by their object. Not here: those that are known by a fact's key
(`wanted_keys`), from rows to objects (`traced_rows`), and what is shown of an event (`causes`).
"""

import duckdb
import pyarrow as pa

from event_archive import Archive
from event_archive.engine import Relations
from event_archive.registry.contract import ALL_EVENTS
from event_archive.sql_text import literal
from orchestration.dataset.row_tracing import EventTrace


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

    def add(self, table: str, rows: str, trace: EventTrace) -> None:
        """Add the objects that rows of a table come from; `rows`: the SELECT of these."""
        is_read = "true" if ALL_EVENTS in trace.views else f"view IN ({', '.join(map(literal, trace.views))})"
        kind = "objects.object_type" if trace.object_type else "known.object_type"
        with Relations(self._connection) as relations:
            views = relations.register("event_views", self._views)
            self._connection.execute(
                f"INSERT INTO {self.temporary_table} "
                f"SELECT DISTINCT {literal(table)}, row_id, view, known.object_type, object_id "
                f"FROM ({rows}) AS objects JOIN {views} AS known "
                f"ON {is_read} AND known.object_type = coalesce({kind}, known.object_type)"
            )

    def views(self) -> set[str]:
        """The views whose events are looked for."""
        rows = self._connection.execute(f"SELECT DISTINCT view FROM {self.temporary_table}").fetchall()
        return {view for (view,) in rows}

    def events_sql(self, events: str) -> str:
        """The SELECT of `mart`, `row_id` and the event, of those of a SELECT's events that are wanted."""
        return (
            "SELECT mart, row_id, events.* "
            f"FROM ({events}) AS events JOIN {self.temporary_table} AS wanted USING (object_type, object_id) "
            "WHERE events.view_name = wanted.view OR corrects IS NOT NULL OR voids IS NOT NULL"
        )

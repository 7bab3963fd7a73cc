"""The events in a dataset file: the views that it was derived from, over exactly its cut of the archive.

Belongs here: copying them from the warehouse, where dbt read them. Not here: what they say
(`event_archive.views`), and copying marts (`tables`).

A view reads the archive's files where they were when it was published, or in the folder that the session's
variable `factlog_archive` names; no data is copied. Where they can't be reached the marts are read as always,
and a view says which file is missing. Making a view takes a few milliseconds, so in a file out of the one
before only those are made that are not as they were there.
"""

import hashlib
from collections.abc import Mapping

import duckdb

from event_archive.registry.contract import ALL_EVENTS, with_all
from event_archive.sql_text import literal, quoted
from event_archive.views.segment_sql import LANDED, REPLACED, SCHEMA
from orchestration.dataset.tables import REPORTING, WAREHOUSE

AS_CREATED = " AS "
ARCHIVE = "factlog_archive"
"""The variable of a session that says where the archive is, if that is not where it was."""


def copy_event_views(
    connection: duckdb.DuckDBPyConnection, root: str, described: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
    """Copy the tables and views of events into `reporting`; returns a digest of each view's definition.

    `root`: where the archive is now. `described`: what is said of a view. `known`: these digests of the file
    as it is; without any, it has no views of events yet.
    """
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {REPORTING}.{SCHEMA}")
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
        [WAREHOUSE, SCHEMA],
    ).fetchall()
    for (table,) in tables:
        copy_events_table(connection, root, table)
    definitions = {
        view: sql.replace(f"'{literal(root)[1:-1]}/", f"{folder_sql(root)} || '/")
        for view, sql in event_view_definitions(connection).items()
    }
    now = {view: definition_digest(view, definitions) for view in definitions}
    for view in known:
        if view not in now:
            connection.execute(f"DROP VIEW {REPORTING}.{SCHEMA}.{quoted(view)}")
    for view in in_order_of_reading(definitions):
        if known.get(view) == now[view]:
            continue
        target = f"{REPORTING}.{SCHEMA}.{quoted(view)}"
        connection.execute(f"CREATE OR REPLACE VIEW {target} AS {definitions[view]}")
        if said := described.get(view):
            connection.execute(f"COMMENT ON VIEW {target} IS {literal(said)}")
    return now


def copy_events_table(connection: duckdb.DuckDBPyConnection, root: str, table: str) -> None:
    """Copy a table that views of events read; one that names files names them below the archive's folder."""
    source, target = f"{WAREHOUSE}.{SCHEMA}.{quoted(table)}", f"{REPORTING}.{SCHEMA}.{quoted(table)}"
    if table not in (LANDED, REPLACED):
        connection.execute(f"CREATE OR REPLACE TABLE {target} AS FROM {source}")
        return
    files = f"{SCHEMA}.{table}_in_archive"
    inside = f"substr(path, {len(root) + 1})"
    connection.execute(
        f"CREATE OR REPLACE TABLE {REPORTING}.{files} AS SELECT * REPLACE ({inside} AS path) FROM {source}"
    )
    connection.execute(
        f"CREATE OR REPLACE VIEW {target} AS "
        f"SELECT * REPLACE ({folder_sql(root)} || path AS path) FROM {files}"
    )


def folder_sql(root: str) -> str:
    """Return the folder of the archive, as SQL."""
    return f"coalesce(getvariable({literal(ARCHIVE)}), {literal(root)})"


def event_view_definitions(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the SELECT of each view of events in the warehouse, by its name."""
    rows = connection.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE database_name = ? AND schema_name = ? ORDER BY ALL",
        [WAREHOUSE, SCHEMA],
    ).fetchall()
    # DuckDB gives the statement back: `CREATE VIEW events.note_written AS SELECT …;`
    return {view: sql.split(AS_CREATED, 1)[1].rstrip("; \n") for view, sql in rows}


def definition_digest(view: str, definitions: Mapping[str, str]) -> str:
    """A digest of what a view shows: of its own definition, and of that of the view which it may read."""
    texts = [definitions[view], definitions.get(with_all(view), "")]
    return hashlib.sha256(repr(texts).encode()).hexdigest()


def in_order_of_reading(definitions: Mapping[str, str]) -> list[str]:
    """The views in an order in which each comes after those that it reads."""
    all_of_types = {with_all(view) for view in definitions}
    return sorted(definitions, key=lambda view: (view == ALL_EVENTS, view not in all_of_types, view))

"""A dataset file: what analysts open, and what it says of itself.

Belongs here: writing one from the warehouse, and reading what it says. Not here: where files lie and which
one is served (`versions`), copying tables (`tables`). A file holds the marts in their schemas, and besides

    main      a view of each mart, so that `FROM invoices` finds it (`shown_marts`)
    events    the views of the events that all was derived from (`event_views`)
    meta      what the file is, how fresh, and what its tables and columns mean (`meta_tables`)

So a file that was sent elsewhere can still be compared with another, row by row, down to the events. An older
factlog wrote a smaller `meta`, called `factlog`: such a file is still read.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from event_archive import UnusableInput
from event_archive.sql_text import literal, quoted
from orchestration.dataset.compare import table_state
from orchestration.dataset.describe_dataset import describe, descriptions_of_views
from orchestration.dataset.event_views import copy_event_views
from orchestration.dataset.meta_tables import META
from orchestration.dataset.provenance import DatasetInfo, Provenance
from orchestration.dataset.row_tracing import MartDescription, traces_from_json
from orchestration.dataset.shown_marts import show_marts
from orchestration.dataset.table_state import TableState
from orchestration.dataset.tables import REPORTING, copy_tables, has_row_ids

HELD_ELSEWHERE = "Could not set lock on file"
ABOUT = {
    META: ("about", "built_at"),
    "factlog": ("manifest", "written_at"),
}
"""By the schema in which a file says what it is: the table that does, and its column of when it was made."""


@dataclass(frozen=True)
class Dataset:
    """A file, what it says of itself, and of each of its tables."""

    file: Path
    info: DatasetInfo
    states: dict[str, TableState]
    marts: dict[str, MartDescription]


def write_dataset(
    connection: duckdb.DuckDBPyConnection, file: Path, provenance: Provenance, tables: dict[str, TableState]
) -> dict[str, TableState]:
    """Write these marts of the warehouse to a new file; returns the states of the tables in it.

    The connection has the warehouse attached as `warehouse` and in use. The file can be written to, and is
    not on the disk for sure, until the caller has sealed it. A view that asks for the time, say, does not
    give the same rows twice: the file says what it holds.
    """
    # Analysts' DuckDB is often older than ours, and can't open what 2.0 writes by default.
    connection.execute(f"ATTACH {literal(str(file))} AS reporting (STORAGE_VERSION 'v1.4.0')")
    # One transaction: committing each of some two hundred statements would cost as much as the copy itself.
    connection.execute("BEGIN")
    copy_tables(connection, tables)
    written = {
        table: state if has_row_ids(connection, table) else table_state(connection, table, database=REPORTING)
        for table, state in tables.items()
    }
    show_marts(connection, written)
    described = descriptions_of_views(provenance)
    definitions = copy_event_views(connection, str(provenance.archive.root), described, {})
    describe(connection, provenance, written, definitions)
    connection.execute("COMMIT")
    connection.execute("DETACH reporting")
    return written


def attach_dataset(connection: duckdb.DuckDBPyConnection, file: Path, alias: str) -> Dataset:
    """Attach a file under a name, read-only; raises UnusableInput where it is not a dataset of factlog."""
    if not file.is_file():
        raise UnusableInput(f"{file}: no such file")
    try:
        connection.execute(f"ATTACH {literal(str(file))} AS {quoted(alias)} (READ_ONLY)")
    except duckdb.IOException as error:
        if is_held_elsewhere(error):
            raise UnusableInput(f"{file}: another process is writing it") from None
        raise UnusableInput(f"{file}: not a DuckDB file that can be read") from None
    except duckdb.Error:
        raise UnusableInput(f"{file}: not a DuckDB file that can be read") from None
    try:
        (schema,) = connection.execute(
            "SELECT schema_name FROM duckdb_schemas() "
            "WHERE database_name = ? AND list_contains(?, schema_name)",
            [alias, [*ABOUT]],
        ).fetchall()[0]
        about, written_at = ABOUT[schema]
        manifest = connection.execute(
            f"SELECT sequence, log_digest, as_of, code_version, {written_at} "
            f"FROM {quoted(alias)}.{schema}.{about}"
        ).fetchall()
        tables = connection.execute(
            "SELECT table_name, row_count, digest, row_key, traced_to, landing_columns "
            f"FROM {quoted(alias)}.{schema}.tables ORDER BY ALL"
        ).fetchall()
        if len(manifest) != 1:
            raise ValueError("not one row")
        marts = {
            table: MartDescription(table, tuple(key), traces_from_json(traced_to), tuple(landing))
            for table, _, _, key, traced_to, landing in tables
        }
    except (duckdb.Error, ValueError, KeyError, TypeError, IndexError):
        raise UnusableInput(
            f"{file}: does not say what it holds, so it is no dataset of factlog, or one of an older version"
        ) from None
    states = {table: TableState(rows, digest) for table, rows, digest, *_ in tables}
    return Dataset(file, DatasetInfo(*manifest[0]), states, marts)


def is_held_elsewhere(error: duckdb.IOException) -> bool:
    """Whether DuckDB could not open a file because another process writes it.

    Its text alone says so: DuckDB has no class of its own for it, and trying the lock ourselves would release
    the one that a connection of this process may hold.
    """
    return HELD_ELSEWHERE in str(error)

"""A dataset file: what analysts open, and what it says of itself.

Belongs here: writing one from the warehouse, and reading what it says. Not here: where files lie and which
one is served (`versions`), copying tables (`tables`). Beside the marts each file has a schema `factlog`:

    factlog.manifest      one row: over which cut of which log, by which code, and when it was written
    factlog.tables        one row per mart: rows, digest, what tells its rows apart, and how these are traced
    factlog.corrections   one row per event that corrects or voids another, and what came of it

So a file that was sent elsewhere can still be compared with another, row by row, down to the events.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from event_archive import UnusableInput
from event_archive.sql_text import literal, quoted
from event_archive.views.segment_sql import SCHEMA
from orchestration.dataset.compare import table_state
from orchestration.dataset.row_tracing import MartDescription, traces_from_json
from orchestration.dataset.table_state import TableState
from orchestration.dataset.tables import REPORTING, copy_tables, has_row_ids
from orchestration.dataset.tables import columns as columns_of

HELD_ELSEWHERE = "Could not set lock on file"
CORRECTIONS = f"{SCHEMA}.corrections"
MART_COLUMNS = ("row_key", "traced_to", "landing_columns")
TABLES = {
    "manifest": (
        "What this file holds: the log up to which commit, by which code.",
        {
            "sequence": ("BIGINT", "Number of the last commit of the log that it was derived from."),
            "log_digest": ("VARCHAR", "SHA-256 of that commit; empty where there was none."),
            "as_of": ("TIMESTAMPTZ", "Only events that had occurred before are in it; null: all."),
            "code_version": ("VARCHAR", "The code that derived it."),
            "written_at": ("TIMESTAMPTZ", "When it was written."),
        },
    ),
    "tables": (
        "What is known of each table besides its rows.",
        {
            "table_name": ("VARCHAR", "The table, with its schema."),
            "row_count": ("BIGINT", "How many rows it holds."),
            "digest": ("VARCHAR", "A digest of its columns and rows, in any order."),
            "row_key": ("VARCHAR[]", "The columns that tell its rows apart; empty: all of them together."),
            "traced_to": ("VARCHAR", "How a row is traced to the events that it comes from, as JSON."),
            "landing_columns": ("VARCHAR[]", "Columns that only say when something landed."),
        },
    ),
    "corrections": (
        "The events that correct or void another, and what came of each. Those that wait count as nothing.",
        {
            "source": ("VARCHAR", "The service that emitted it, and what it names."),
            "event_id": ("VARCHAR", "The correction."),
            "kind": ("VARCHAR", "`corrects` or `voids`."),
            "status": ("VARCHAR", "`in_effect`, `superseded`, `taken_back`, or `waiting`."),
            "waits_because": (
                "VARCHAR",
                "While it waits: what is wrong with what it names.",
            ),
            "object_type": ("VARCHAR", "What kind of object it is about."),
            "object_id": ("VARCHAR", "Which object it is about."),
            "verb": ("VARCHAR", "What was done, of it as of what it names."),
            "corrected_event_id": ("VARCHAR", "The event that it names."),
            "occurred_at": ("TIMESTAMPTZ", "When it was corrected."),
            "landed_at": ("TIMESTAMPTZ", "When the correction landed: since then it waits, if it does."),
            "place_at": ("TIMESTAMPTZ", "When what it mends occurred; null while it waits."),
        },
    ),
}


@dataclass(frozen=True)
class DatasetInfo:
    """Over which cut of which log a dataset was derived, by which code, and when it was written."""

    sequence: int
    log_digest: str
    as_of: datetime | None
    code_version: str
    written_at: datetime


@dataclass(frozen=True)
class Dataset:
    """A file, what it says of itself, and of each of its tables."""

    file: Path
    info: DatasetInfo
    states: dict[str, TableState]
    marts: dict[str, MartDescription]


def write_dataset(
    connection: duckdb.DuckDBPyConnection, file: Path, info: DatasetInfo, tables: dict[str, TableState]
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
    describe(connection, info, written)
    connection.execute("COMMIT")
    connection.execute("DETACH reporting")
    return written


def describe(connection: duckdb.DuckDBPyConnection, info: DatasetInfo, tables: dict[str, TableState]) -> None:
    """Write into the attached file `reporting` what it holds."""
    connection.execute("CREATE SCHEMA reporting.factlog")
    for table, (description, columns) in TABLES.items():
        target = f"reporting.factlog.{quoted(table)}"
        listed = ", ".join(f"{quoted(column)} {kind}" for column, (kind, _) in columns.items())
        connection.execute(f"CREATE TABLE {target} ({listed})")
        connection.execute(f"COMMENT ON TABLE {target} IS {literal(description)}")
        for column, (_, meaning) in columns.items():
            connection.execute(f"COMMENT ON COLUMN {target}.{quoted(column)} IS {literal(meaning)}")
    connection.execute(
        "INSERT INTO reporting.factlog.manifest VALUES (?, ?, ?, ?, ?)",
        [info.sequence, info.log_digest, info.as_of, info.code_version, info.written_at],
    )
    # A warehouse outlives the code that made its tables: an earlier version noted less of a mart.
    noted = {"audit.marts": MART_COLUMNS, CORRECTIONS: TABLES["corrections"][1]}
    if any(
        not {*names} <= {column.name for column in columns_of(connection, table)}
        for table, names in noted.items()
    ):
        raise UnusableInput("the warehouse was built by an older factlog; run `factlog refresh`")
    rows = connection.execute(
        f"SELECT schema_name || '.' || table_name, {', '.join(MART_COLUMNS)} FROM audit.marts"
    ).fetchall()
    copied = ", ".join(map(quoted, TABLES["corrections"][1]))
    connection.execute(
        f"INSERT INTO reporting.factlog.corrections SELECT {copied} FROM warehouse.{CORRECTIONS} ORDER BY ALL"
    )
    descriptions = {table: description for table, *description in rows}
    for table, state in tables.items():
        connection.execute(
            "INSERT INTO reporting.factlog.tables VALUES (?, ?, ?, ?, ?, ?)",
            [table, state.rows, state.digest, *descriptions[table]],
        )


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
        manifest = connection.execute(
            "SELECT sequence, log_digest, as_of, code_version, written_at "
            f"FROM {quoted(alias)}.factlog.manifest"
        ).fetchall()
        tables = connection.execute(
            "SELECT table_name, row_count, digest, row_key, traced_to, landing_columns "
            f"FROM {quoted(alias)}.factlog.tables ORDER BY ALL"
        ).fetchall()
        if len(manifest) != 1:
            raise ValueError("not one row")
        marts = {
            table: MartDescription(table, tuple(key), traces_from_json(traced_to), tuple(landing))
            for table, _, _, key, traced_to, landing in tables
        }
    except (duckdb.Error, ValueError, KeyError, TypeError):
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

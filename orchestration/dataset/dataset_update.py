"""The next version of a dataset file, out of the version before: the same file, but for the rows that differ.

Belongs here: finding these rows, and making sure that the result holds what the warehouse holds. Not here:
writing a file from nothing (`dataset_file`), and which version is which (`versions`).

Copying a file takes a tenth of the time of copying its tables, whose columns are all compressed again. Which
rows differ follows from their sequence, or else from their hashes, so nobody has to remember what a build
changed; and as neither is certain, or the file before could be damaged, the digest of every table is taken
from the new file. Where one is not the warehouse's, or anything fails on the way, the file is thrown away,
and the caller writes one from nothing.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb

from event_archive.engine import Relations
from event_archive.sql_text import literal, quoted
from event_archive.views.segment_sql import SCHEMA
from orchestration.dataset.compare import differing_row_ids, have_same_definitions, table_state
from orchestration.dataset.describe_dataset import describe_again, descriptions_of_views
from orchestration.dataset.event_views import copy_event_views
from orchestration.dataset.meta_tables import LAYOUT, META
from orchestration.dataset.provenance import Provenance
from orchestration.dataset.row_tracing import LAST_SEQUENCE
from orchestration.dataset.shown_marts import shown_names
from orchestration.dataset.table_state import TableState
from orchestration.dataset.tables import (
    REPORTING,
    WAREHOUSE,
    columns,
    comments,
    copy_table,
    has_row_ids,
    relation,
)

WRITABLE_MODE = 0o644
MOST_ROWS = 1.5  # of those that a table holds: deleted rows take their room until the table is written anew

MOST_OF_AN_ERROR = 300


def update_dataset(
    connection: duckdb.DuckDBPyConnection,
    before: Path,
    file: Path,
    provenance: Provenance,
    tables: dict[str, TableState],
    log: Callable[[str], None] = lambda _: None,
) -> bool:
    """Write these marts of the warehouse to a new file, out of that of an earlier version.

    As `write_dataset`, but returns False, and leaves no file, where the earlier one is of no use or anything
    fails: the caller loses nothing by it but time, and `log` is told why. The engine may be of no use then,
    either.
    """
    reason = "it has other tables or columns, or other rows came of it"
    try:
        shutil.copyfile(before, file)
        file.chmod(WRITABLE_MODE)
        connection.execute(f"ATTACH {literal(str(file))} AS {REPORTING}")
        held = has_same_tables(connection, tables) and bring_up_to_date(connection, provenance, tables)
        connection.execute(f"DETACH {REPORTING}")
    except Exception as error:
        let_go(connection)
        held, reason = False, describe_first(error)
    if not held:
        log(f"the version before could not be brought up to date, all tables are written anew: {reason}")
        # A log that is left beside the file would be taken for that of the next file of its name.
        for path in (file, file.with_name(f"{file.name}.wal")):
            path.unlink(missing_ok=True)
    return held


def describe_first(error: BaseException) -> str:
    """Return the error that came first in one line: what DuckDB says afterwards is only that one came."""
    while error.__context__ is not None:
        error = error.__context__
    return " ".join(f"{type(error).__name__}: {error}".split())[:MOST_OF_AN_ERROR]


def let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Roll back what an error left open, and detach the file: the other way round is an error itself."""
    for statement in ("ROLLBACK", f"DETACH DATABASE IF EXISTS {REPORTING}"):
        with suppress(duckdb.Error):
            connection.execute(statement)


def has_same_tables(connection: duckdb.DuckDBPyConnection, tables: dict[str, TableState]) -> bool:
    """Whether the attached file has these tables and no other, with the same columns and comments.

    And shows them under the same names, and says of itself what files say today.
    """
    held = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
        "WHERE database_name = ? AND NOT list_contains(?, schema_name)",
        [REPORTING, [META, SCHEMA]],
    ).fetchall()
    laid_out = f"SELECT layout FROM {REPORTING}.{META}.about"
    if {table for (table,) in held} != set(tables) or connection.execute(laid_out).fetchall() != [(LAYOUT,)]:
        return False
    shown = connection.execute(
        f"SELECT table_name, shown_as FROM {REPORTING}.{META}.tables WHERE shown_as IS NOT NULL"
    ).fetchall()
    return dict(shown) == shown_names(tables) and have_same_definitions(
        connection, tables, REPORTING, WAREHOUSE
    )


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, provenance: Provenance, tables: dict[str, TableState]
) -> bool:
    """Change what differs in the attached file; False, and nothing changed, where it is not the same then."""
    rows = connection.execute(f"SELECT table_name, digest FROM {REPORTING}.{META}.tables").fetchall()
    digests: dict[str, str] = dict(rows)
    views = connection.execute(f"SELECT view_name, definition FROM {REPORTING}.{META}.events").fetchall()
    known = {view.split(".", 1)[1]: definition for view, definition in views}
    connection.execute("BEGIN")
    held = all(
        (digests[table] == state.digest and is_now(connection, table, state))
        or replace_newer(connection, table, state)
        or replace_differing(connection, table, state)
        for table, state in tables.items()
    )
    described = descriptions_of_views(provenance)
    definitions = copy_event_views(connection, str(provenance.archive.root), described, known)
    describe_again(connection, provenance, tables, definitions)
    connection.execute("COMMIT" if held else "ROLLBACK")
    return held


def is_now(connection: duckdb.DuckDBPyConnection, table: str, state: TableState) -> bool:
    """Whether a table of the attached file has the rows that it is to have."""
    return table_state(connection, table, database=REPORTING) == state


def replace_newer(connection: duckdb.DuckDBPyConnection, table: str, state: TableState) -> bool:
    """Replace the rows that later commits have changed; returns whether that was all.

    It mostly is where new events landed and nothing else was derived again, and takes a third of the time.
    """
    key = connection.execute(
        "SELECT row_key FROM audit.marts WHERE schema_name = ? AND table_name = ?", table.split(".", 1)
    ).fetchone()
    names = [column.name for column in columns(connection, table)]
    if key is None or not key[0] or LAST_SEQUENCE not in names or not has_row_ids(connection, table):
        return False
    published, derived = relation(table, REPORTING), relation(table, WAREHOUSE)
    with Relations(connection) as relations:
        newer = relations.create(
            "newer",
            f"FROM {derived} WHERE {LAST_SEQUENCE} > (SELECT sequence FROM {REPORTING}.{META}.about)",
        )
        (added,) = connection.execute(f"SELECT count(*) FROM {newer}").fetchall()[0]
        if is_worn(connection, published, added, state):
            return False
        connection.execute(
            f"DELETE FROM {published} WHERE rowid IN "
            f"(SELECT rowid FROM {published} SEMI JOIN {newer} USING ({', '.join(map(quoted, key[0]))}))"
        )
        connection.execute(f"INSERT INTO {published} FROM {newer}")
    return is_now(connection, table, state)


def replace_differing(connection: duckdb.DuckDBPyConnection, table: str, state: TableState) -> bool:
    """Delete rows that the warehouse has not, add those that only it has; returns whether that was all.

    The rows of a view can't be told one from another: they are all copied.
    """
    if not has_row_ids(connection, table):
        return replace_whole(connection, table, state)
    published, derived = relation(table, REPORTING), relation(table, WAREHOUSE)
    with differing_row_ids(connection, table, REPORTING, WAREHOUSE) as (differing, added):
        worn = is_worn(connection, published, added, state)
        if not worn:
            connection.execute(f"DELETE FROM {published} WHERE rowid IN (SELECT only_a FROM {differing})")
            connection.execute(
                f"INSERT INTO {published} FROM {derived} WHERE rowid IN (SELECT only_b FROM {differing})"
            )
    return replace_whole(connection, table, state) if worn else is_now(connection, table, state)


def replace_whole(connection: duckdb.DuckDBPyConnection, table: str, state: TableState) -> bool:
    """Copy a table again; returns whether that was all."""
    connection.execute(f"DROP TABLE {relation(table, REPORTING)}")
    copy_table(connection, table, comments(connection))
    return is_now(connection, table, state)


def is_worn(connection: duckdb.DuckDBPyConnection, published: str, added: int, state: TableState) -> bool:
    """Whether a table would hold too much of what is deleted, if so many rows were added to it."""
    (rows,) = connection.execute(f"SELECT coalesce(max(rowid) + 1, 0) FROM {published}").fetchall()[0]
    return bool(rows + added > MOST_ROWS * state.rows)

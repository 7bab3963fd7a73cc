"""The tables of the reporting dataset: their columns, and copying them between files.

Belongs here: SQL over the marts of the warehouse. Not here: telling two of them apart (`compare`), where
files lie and which one is served (`versions`). The connection has the warehouse attached as `warehouse`
and in use.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import duckdb

from event_archive.sql_text import literal, quoted

WAREHOUSE, REPORTING = "warehouse", "reporting"
Comments = dict[str, dict[str | None, str]]
"""By a table's name in small letters, what is said of each column; under None, of the table itself."""
# DuckDB finds a relation whatever the case of its letters, and keeps those that it was first made with.
NAMED = "lower(schema_name) = lower(?) AND lower(table_name) = lower(?)"


@dataclass(frozen=True)
class Column:
    """One column of a table or view."""

    name: str
    type: str
    is_nullable: bool

    @property
    def definition(self) -> str:
        """The column as CREATE TABLE describes it, as SQL."""
        return f"{quoted(self.name)} {self.type}" + ("" if self.is_nullable else " NOT NULL")


def relation(table: str, database: str | None = None) -> str:
    """Return `schema.table`, of an attached database where one is named, as SQL."""
    parts = table.split(".", 1)
    return ".".join(map(quoted, parts if database is None else [database, *parts]))


def columns(connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE) -> list[Column]:
    """Return the columns of a table, in their order; none where there is no such table.

    Asked of the one table: `duckdb_columns()` lists those of every table and view of every file first.
    """
    try:
        rows = connection.execute(
            'SELECT name, type, NOT "notnull" FROM pragma_table_info(?)', [relation(table, database)]
        ).fetchall()
    except duckdb.CatalogException:
        return []
    return [Column(*row) for row in rows]


def has_row_ids(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether a mart of the warehouse is a table, and no view, which is computed each time it is read."""
    row = connection.execute(
        f"SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND {NAMED}",
        [WAREHOUSE, *table.split(".", 1)],
    ).fetchone()
    return row is not None and row[0] > 0


def copy_tables(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> None:
    """Copy marts into the attached file `reporting`, with their constraints and comments."""
    for schema in sorted({table.split(".", 1)[0] for table in tables}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS reporting.{quoted(schema)}")
    said = comments(connection)
    for table in tables:
        copy_table(connection, table, said)


def copy_table(connection: duckdb.DuckDBPyConnection, table: str, said: Comments) -> None:
    """Copy one mart into `reporting`; `said`: the comments of the warehouse."""
    copied = f"reporting.{relation(table)}"
    listed = columns(connection, table)
    connection.execute(f"CREATE TABLE {copied} ({', '.join(column.definition for column in listed)})")
    connection.execute(f"INSERT INTO {copied} FROM warehouse.{relation(table)}")
    for column, comment in said.get(table.lower(), {}).items():
        target = f"TABLE {copied}" if column is None else f"COLUMN {copied}.{quoted(column)}"
        connection.execute(f"COMMENT ON {target} IS {literal(comment)}")


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows, all by one statement: one for each of a hundred takes as long as many a test."""
    if rows:
        row = f"({', '.join('?' * len(rows[0]))})"
        values = ", ".join([row] * len(rows))
        connection.execute(f"INSERT INTO {table} VALUES {values}", [*chain.from_iterable(rows)])


def comments(connection: duckdb.DuckDBPyConnection, *, database: str = WAREHOUSE) -> Comments:
    """Return the descriptions that dbt left on tables and views, and on their columns."""
    rows = connection.execute(
        "SELECT lower(schema_name || '.' || table_name), column_name, comment FROM ("
        "SELECT database_name, schema_name, table_name, column_name, comment FROM duckdb_columns() "
        "UNION ALL SELECT database_name, schema_name, table_name, NULL, comment FROM duckdb_tables() "
        "UNION ALL SELECT database_name, schema_name, view_name, NULL, comment FROM duckdb_views()) AS said "
        "WHERE database_name = ? AND comment <> ''",
        [database],
    ).fetchall()
    found: Comments = {}
    for table, column, comment in rows:
        found.setdefault(table, {})[column] = comment
    return found

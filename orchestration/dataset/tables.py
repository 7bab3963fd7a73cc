"""The tables of the reporting dataset: their columns, and copying them between files.

Belongs here: SQL over the marts of the warehouse. Not here: telling two of them apart (`compare`), where
files lie and which one is served (`versions`). The connection has the warehouse attached as `warehouse`
and in use.
"""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from event_archive.sql_text import literal, quoted

WAREHOUSE, REPORTING = "warehouse", "reporting"
# DuckDB finds a relation whatever the case of its letters, and keeps those that it was first made with.
NAMED = "lower(schema_name) = lower(?) AND lower(table_name) = lower(?)"


@dataclass(frozen=True)
class Column:
    """One column of a mart."""

    name: str
    type: str
    is_nullable: bool
    comment: str | None

    @property
    def definition(self) -> str:
        """The column as CREATE TABLE describes it, as SQL."""
        return f"{quoted(self.name)} {self.type}" + ("" if self.is_nullable else " NOT NULL")


def relation(table: str, database: str | None = None) -> str:
    """Return `schema.table`, of an attached database where one is named, as SQL."""
    parts = table.split(".", 1)
    return ".".join(map(quoted, parts if database is None else [database, *parts]))


def columns(connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE) -> list[Column]:
    """Return the columns of a table, in their order."""
    rows = connection.execute(
        "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        f"WHERE database_name = ? AND {NAMED} ORDER BY column_index",
        [database, *table.split(".", 1)],
    ).fetchall()
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
    for table in tables:
        copy_table(connection, table)


def copy_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Copy one mart into `reporting`."""
    copied = f"reporting.{relation(table)}"
    listed = columns(connection, table)
    connection.execute(f"CREATE TABLE {copied} ({', '.join(column.definition for column in listed)})")
    connection.execute(f"INSERT INTO {copied} FROM warehouse.{relation(table)}")
    description = table_comment(connection, table)
    if description:
        connection.execute(f"COMMENT ON TABLE {copied} IS {literal(description)}")
    for column in listed:
        if column.comment:
            target = f"{copied}.{quoted(column.name)}"
            connection.execute(f"COMMENT ON COLUMN {target} IS {literal(column.comment)}")


def table_comment(
    connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE
) -> str | None:
    """Return the description that dbt left on a table or view."""
    row = connection.execute(
        "SELECT comment FROM (SELECT database_name, schema_name, table_name, comment FROM duckdb_tables() "
        "UNION ALL SELECT database_name, schema_name, view_name, comment FROM duckdb_views()) AS relations "
        f"WHERE database_name = ? AND {NAMED}",
        [database, *table.split(".", 1)],
    ).fetchone()
    return row[0] if row else None

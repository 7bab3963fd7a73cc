"""The tables of the reporting dataset: copying them between files, and telling two states of them apart.

Belongs here: SQL over the marts of the warehouse. Not here: where files lie and which one is served
(`publishing`). The connection has the warehouse attached as `warehouse` and in use.
"""

import hashlib
from dataclasses import dataclass

import duckdb

WAREHOUSE, REPORTING = "warehouse", "reporting"

# Two 64-bit hashes of each row, over its columns forwards and backwards, and each is summed: the order of
# rows does not matter, and unlike with an XOR, a row that is there twice does. They find what differs by
# accident, not what somebody forged. One version of DuckDB makes the same of a row on every machine, with any
# number of threads; MD5 of each row as JSON did so for every version, and took fifty times as long.
ROW_SUMS = (
    "SELECT count(*), coalesce(sum(hash({forwards})), 0), coalesce(sum(hash({backwards})), 0) FROM {relation}"
)


@dataclass(frozen=True)
class TableState:
    """How many rows a table holds, and a digest of its columns and rows."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Column:
    """One column of a mart."""

    name: str
    type: str
    is_nullable: bool
    comment: str | None

    @property
    def definition(self) -> str:
        """Word the column for CREATE TABLE."""
        return f"{name(self.name)} {self.type}" + ("" if self.is_nullable else " NOT NULL")


def name(identifier: str) -> str:
    """Quote an identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """Quote a string."""
    return "'" + value.replace("'", "''") + "'"


def relation(table: str) -> str:
    """Quote `schema.table`."""
    return ".".join(name(part) for part in table.split(".", 1))


def table_states(connection: duckdb.DuckDBPyConnection) -> dict[str, TableState]:
    """Tell the state of every mart."""
    marts = connection.execute("SELECT schema_name, table_name FROM audit.marts ORDER BY ALL").fetchall()
    return {f"{schema}.{table}": table_state(connection, f"{schema}.{table}") for schema, table in marts}


def table_state(
    connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE
) -> TableState:
    """Tell the state of one table."""
    shape = columns(connection, table, database=database)
    names = [name(column.name) for column in shape]
    row = connection.execute(
        ROW_SUMS.format(
            forwards=", ".join(names),
            backwards=", ".join(["1", *reversed(names)]),
            relation=f"{name(database)}.{relation(table)}",
        )
    ).fetchone()
    assert row is not None
    definitions = [column.definition for column in shape]
    return TableState(row[0], hashlib.sha256(repr((definitions, *row)).encode()).hexdigest())


def columns(connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE) -> list[Column]:
    """List the columns of a table."""
    rows = connection.execute(
        "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [database, *table.split(".", 1)],
    ).fetchall()
    return [Column(*row) for row in rows]


def column_types(connection: duckdb.DuckDBPyConnection, table: str, database: str) -> dict[str, str]:
    """Name the columns of a table of an attached file, with their types."""
    return {column.name: column.type for column in columns(connection, table, database=database)}


def copy_tables(connection: duckdb.DuckDBPyConnection, tables: dict[str, TableState]) -> None:
    """Copy marts into the attached file `reporting`, with their constraints and comments."""
    for schema in sorted({table.split(".", 1)[0] for table in tables}):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS reporting.{name(schema)}")
    for table in tables:
        copy_table(connection, table)


def copy_table(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Copy one mart into `reporting`."""
    copied = f"reporting.{relation(table)}"
    shape = columns(connection, table)
    connection.execute(f"CREATE TABLE {copied} ({', '.join(column.definition for column in shape)})")
    connection.execute(f"INSERT INTO {copied} FROM warehouse.{relation(table)}")
    about = table_comment(connection, table)
    if about:
        connection.execute(f"COMMENT ON TABLE {copied} IS {text(about)}")
    for column in shape:
        if column.comment:
            target = f"{copied}.{name(column.name)}"
            connection.execute(f"COMMENT ON COLUMN {target} IS {text(column.comment)}")


def table_comment(
    connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE
) -> str | None:
    """Read the description that dbt left on a table or view."""
    row = connection.execute(
        "SELECT comment FROM (SELECT database_name, schema_name, table_name, comment FROM duckdb_tables() "
        "UNION ALL SELECT database_name, schema_name, view_name, comment FROM duckdb_views()) AS relations "
        "WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [database, *table.split(".", 1)],
    ).fetchone()
    return row[0] if row else None

"""DuckDB over the warehouse: opening it, what an engine may use of the machine, and which columns are there.

Belongs here: the one way in which a warehouse is opened. Not here: the values of the settings (`settings`),
and what the tables hold.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import duckdb

from event_archive.engine import open_engine
from event_archive.sql_text import literal
from orchestration.dataset.tables import columns as columns_of
from orchestration.settings import Settings


def limit_engine(connection: duckdb.DuckDBPyConnection, settings: Settings, file: Path) -> None:
    """Bound memory and threads, with times in UTC; what does not fit goes to the disk beside `file`.

    For engines that dbt opens as well. No order of rows is promised anywhere: keeping one would hold whole
    tables in memory.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET threads = {settings.threads}")
    connection.execute(f"SET memory_limit = '{settings.build_memory_bytes}B'")
    connection.execute(f"SET temp_directory = {literal(f'{file}.tmp')}")
    connection.execute("SET preserve_insertion_order = false")


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for what it remembers of builds, which is little; it is made if it is not there."""
    with closing(open_engine(settings.warehouse, read_only=read_only)) as connection:
        yield connection


@contextmanager
def in_one_transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Do all that is done meanwhile, or nothing of it, whenever this is killed.

    And wait for the disk once, not after each statement. An error of DuckDB ends it, also one that is caught:
    nothing that looks whether a table is there (`has_columns`) fits in.
    """
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # one that has ended the transaction itself
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def open_as_warehouse(settings: Settings, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a file to read its tables, attached as `warehouse` and in use: what `dataset` asks for."""
    with closing(open_engine()) as connection:
        limit_engine(connection, settings, file)
        connection.execute(f"ATTACH {literal(str(file))} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        yield connection


def has_columns(connection: duckdb.DuckDBPyConnection, table: str, *columns: str) -> bool:
    """Whether a table, named with its schema, is there and has these columns.

    A warehouse outlives the code that made its tables: an earlier version made them with fewer columns.
    """
    (database,) = connection.execute("SELECT current_database()").fetchall()[0]
    held = {column.name for column in columns_of(connection, table, database=database)}
    return bool(held) and set(columns) <= held

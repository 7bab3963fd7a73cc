"""DuckDB where it reads a whole warehouse: what it may use of the machine, and how the file is attached.

Belongs here: the engine's settings, for every such connection. Not here: their values
(`settings`).
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from event_archive.sql_text import literal
from orchestration.settings import Settings


def limit_engine(connection: duckdb.DuckDBPyConnection, settings: Settings, file: Path) -> None:
    """Bound memory and threads, with times in UTC; what does not fit goes to the disk beside `file`.

    No order of rows is promised anywhere: keeping one would hold whole tables in memory.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET threads = {settings.threads}")
    connection.execute(f"SET memory_limit = '{settings.build_memory_bytes}B'")
    connection.execute(f"SET temp_directory = {literal(f'{file}.tmp')}")
    connection.execute("SET preserve_insertion_order = false")


@contextmanager
def open_as_warehouse(settings: Settings, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a file to read from it, attached as `warehouse` and in use: what `dataset` asks for."""
    with closing(duckdb.connect()) as connection:
        limit_engine(connection, settings, file)
        connection.execute(f"ATTACH {literal(str(file))} AS warehouse (READ_ONLY)")
        connection.execute("USE warehouse")
        yield connection

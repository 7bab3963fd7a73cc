"""What DuckDB may use of the machine where it derives datasets and publishes them.

Belongs here: the engine's settings, for every connection that reads a whole warehouse. Not here: their values
(`settings`).
"""

from pathlib import Path

import duckdb

from orchestration.dataset import text
from orchestration.settings import Settings


def limit_engine(connection: duckdb.DuckDBPyConnection, settings: Settings, file: Path) -> None:
    """Bound memory and threads, with times in UTC; what does not fit goes to the disk beside `file`.

    No order of rows is promised anywhere: keeping one would hold whole tables in memory.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET threads = {settings.threads}")
    connection.execute(f"SET memory_limit = '{settings.build_memory_bytes}B'")
    connection.execute(f"SET temp_directory = {text(f'{file}.tmp')}")
    connection.execute("SET preserve_insertion_order = false")

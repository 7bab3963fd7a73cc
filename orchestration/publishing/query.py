"""Asking the published dataset in SQL, with no way to change it or to reach anything else.

Belongs here: opening the served version and running one query. Not here: how answers look on a screen.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb

from event_archive.errors import UnusableInput
from orchestration.dataset.versions import require_served_version
from orchestration.settings import Settings


@dataclass(frozen=True)
class Answer:
    """The rows that a query gave, with the name and DuckDB type of each column."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


def query(settings: Settings, sql: str) -> Answer:
    """Run SQL against the version that is served now; whatever is wrong with it is said in one line."""
    version = require_served_version(settings)
    # The numbered file, not the link: DuckDB gives a second connection to the same path what it has cached.
    with closing(duckdb.connect(settings.published / version.file_name, read_only=True)) as connection:
        return ask(connection, settings, sql)


def ask(connection: duckdb.DuckDBPyConnection, settings: Settings, sql: str) -> Answer:
    """Shut every other door of a connection, and run the query."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET threads = {settings.threads}")
    connection.execute(f"SET memory_limit = '{settings.memory_bytes}B'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        result = connection.execute(sql)
        columns = result.description or []
        rows = result.fetchall() if columns else []
    except duckdb.Error as error:
        raise UnusableInput(f"query: {one_line(error)}") from None
    return Answer([column[0] for column in columns], [str(column[1]) for column in columns], rows)


def one_line(error: Exception) -> str:
    """Keep what DuckDB says about the fault, without its drawing of where."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())

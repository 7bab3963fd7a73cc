"""Queries over the published dataset, in SQL, with no way to change it or to reach anything else.

Belongs here: opening the served version and running one query. Not here: how answers look on a screen.
"""

import re
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb

from event_archive import UnusableInput
from event_archive.sql_text import open_engine
from orchestration.dataset.versions import require_served_version
from orchestration.settings import Settings

COPY = re.compile(rb"copy(?![0-9a-z_$\x80-\xff])", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The rows that a query gave, with the name and DuckDB type of each column."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


def query(settings: Settings, sql: str) -> Answer:
    """Run SQL against the version that is served now; raises UnusableInput where that can't be done."""
    version = require_served_version(settings)
    # The numbered file, not the link: DuckDB gives a second connection to the same path what it has cached.
    file = settings.published / version.file_name
    with closing(
        open_engine(file, threads=settings.threads, memory_bytes=settings.memory_bytes, read_only=True)
    ) as connection:
        return ask(connection, sql)


def ask(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Close everything to a connection but what it has attached, and run the query.

    Raises UnusableInput, in one line, for whatever is wrong with the query.
    """
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    try:
        refuse_copy(sql)
        result = connection.execute(sql)
        columns = result.description or []
        rows = result.fetchall() if columns else []
    except duckdb.Error as error:
        raise UnusableInput(f"query: {one_line(error)}") from None
    return Answer([column[0] for column in columns], [str(column[1]) for column in columns], rows)


def refuse_copy(sql: str) -> None:
    """Raise UnusableInput where a query holds the bare word COPY, at any depth.

    COPY is the one statement that writes a file from within others: below EXPLAIN ANALYZE, around a PIVOT (of
    type MULTI then), and as a common table expression of what DuckDB takes for a SELECT. A folder that may be
    read (`allowed_directories`) may be written as well: the type of the outer statement protects nothing.
    DuckDB's own tokens tell the word from texts, comments and quoted names; their offsets count bytes.
    """
    content = sql.encode()
    if any(COPY.match(content, offset) for offset, _ in duckdb.tokenize(sql)):
        raise UnusableInput('query: COPY writes, and a query only reads; as a name write it quoted, "copy"')


def one_line(error: Exception) -> str:
    """Return what DuckDB says about the fault in one line, without its drawing of where."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())

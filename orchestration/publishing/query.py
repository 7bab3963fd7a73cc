"""Queries in SQL, with no way to change anything or to reach anything else than what is asked.

Belongs here: opening the served version and running one query, fenced in. Not here: how answers look on a
screen, and how the kernel refuses writing (`write_fence`).

Four fences stand one behind the other, because none is enough everywhere: statements that do not read are
refused by their type, the word COPY wherever it stands, files outside of what is asked by DuckDB's settings,
and any writing by the kernel, where it can.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from event_archive import UnusableInput
from event_archive.engine import open_engine
from event_archive.sql_text import literal
from event_archive.store.folders import EVENTS
from orchestration.dataset.event_views import ARCHIVE
from orchestration.dataset.versions import intact_file, require_served_version
from orchestration.publishing.write_fence import fenced_thread
from orchestration.setting_values import is_text
from orchestration.settings import Settings

READING = {"SELECT", "EXPLAIN", "MULTI"}

COPY = re.compile(rb"copy(?![0-9a-z_$\x80-\xff])", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The rows that a query gave, with the name and DuckDB type of each column."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class FencedEngine:
    """An engine, and the one thread in which it may run what a user wrote."""

    connection: duckdb.DuckDBPyConnection
    thread: ThreadPoolExecutor


def query(settings: Settings, sql: str) -> Answer:
    """Run SQL against the version that is served now; raises UnusableInput where that can't be done."""
    version = require_served_version(settings)
    # The version's own file: DuckDB gives a second connection to the same path what it has cached.
    return ask(open_published(settings, intact_file(settings, version)), sql)


@contextmanager
def open_published(settings: Settings, file: Path) -> Iterator[FencedEngine]:
    """Open a version, which may read the events that its views show, where they are."""
    with open_fenced_engine(settings, file) as engine:
        connection, archive = engine.connection, settings.archive_root
        connection.execute(f"SET VARIABLE {ARCHIVE} = {literal(str(archive))}")
        connection.execute("SET allowed_directories = [$folder]", {"folder": str(archive / EVENTS)})
        yield engine


@contextmanager
def open_fenced_engine(settings: Settings, file: Path | None = None) -> Iterator[FencedEngine]:
    """Open an engine, on a file or in memory, whose threads can write into a temporary folder alone.

    What does not fit into memory goes there: not beside the file, nor into the folder where the user stands.
    """
    with (
        TemporaryDirectory(prefix="factlog-query-") as spill,
        fenced_thread(Path(spill)) as thread,
        closing(
            thread.submit(
                open_engine,
                file,
                threads=settings.threads,
                memory_bytes=settings.memory_bytes,
                spill=Path(spill),
                read_only=file is not None,
            ).result()
        ) as connection,
    ):
        yield FencedEngine(connection, thread)


def ask(engine: AbstractContextManager[FencedEngine], sql: str) -> Answer:
    """Open an engine, close everything to it but what it has attached, and run the query in its thread.

    Raises UnusableInput, in one line, for whatever is wrong with the query.
    """
    try:
        check_reads(sql)
        with engine as opened:
            opened.connection.execute("SET enable_external_access = false")
            opened.connection.execute("SET lock_configuration = true")
            return run_interruptibly(opened, sql)
    except duckdb.Error as error:
        raise UnusableInput(f"query: {one_line(error)}") from None


def run_interruptibly(engine: FencedEngine, sql: str) -> Answer:
    """Run a query in the engine's thread; Ctrl-C, which this thread gets, ends it."""
    answer = engine.thread.submit(fetch, engine.connection, sql)
    try:
        return answer.result()
    except KeyboardInterrupt:
        # Told again until it ends: DuckDB forgets it where the query has not quite begun.
        while wait([answer], timeout=0.1).not_done:
            engine.connection.interrupt()
        raise


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Run a query and fetch all that it gives."""
    result = connection.execute(sql)
    columns = result.description or []
    rows = result.fetchall() if columns else []
    return Answer([column[0] for column in columns], [str(column[1]) for column in columns], rows)


def check_reads(sql: str) -> None:
    """Raise UnusableInput for what is not a single query.

    A statement that writes would fail later, with a worse reason; but EXPORT and ATTACH would not fail in a
    folder that may be read (`allowed_directories`), because it may be written as well.
    """
    if not is_text(sql):
        raise UnusableInput("query: is not UTF-8 throughout; write it in UTF-8")
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1:
        raise UnusableInput(f"query: {len(statements)} statements; give one")
    refuse_copy(sql)
    if (kind := statement_kind(statements[0])) not in READING:
        raise UnusableInput(f"query: {kind} does not read; give a SELECT, FROM, SHOW or DESCRIBE")


def statement_kind(statement: duckdb.Statement) -> str:
    """Return the type of a statement; its text where DuckDB has no name for that (UPDATE EXTENSIONS)."""
    try:
        return statement.type.name
    except ValueError:
        return statement.query


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

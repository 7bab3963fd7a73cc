"""DuckDB: the one place that opens and bounds one.

Belongs here: the settings of every engine, and relations under names that nothing else has. Not here:
queries, and SQL as text (`sql_text`), which is also made where there is no engine.
"""

import os
import warnings
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from event_archive.limits import MEBIBYTE

if TYPE_CHECKING:
    import pyarrow as pa

warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)  # see fetch_few

FILES_OF_AN_ENGINE = 8
"""More than an engine has open at once while it begins."""

_NUMBERS = count()


def open_engine(
    database: Path | None = None,
    *,
    threads: int | None = None,
    memory_bytes: int | None = None,
    spill: Path | None = None,
    read_only: bool = False,
    sealed: bool = False,
    is_lossless: bool = False,
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB, in memory or on a file, with times in UTC; the caller closes it.

    `threads` and `memory_bytes`: what it may use, DuckDB's own choice where they are None; `spill`: the
    folder for what does not fit; `sealed`: it can reach no file and no network; `is_lossless`: Arrow
    tables that it gives keep types that Arrow has no word for (UUID, bits). Raises duckdb.Error where the
    file can't be opened, OSError where none can be.
    """
    config: dict[str, str | bool | int | float | list[str]] = {}
    if threads is not None:
        config["threads"] = threads
    if memory_bytes is not None:
        config["memory_limit"] = f"{max(memory_bytes // MEBIBYTE, 64)}MiB"
    if spill is not None:
        config["temp_directory"] = str(spill)
    if sealed:
        config["enable_external_access"] = False
    if is_lossless:
        config["arrow_lossless_conversion"] = True
    _require_files()
    connection = duckdb.connect(database or ":memory:", read_only=read_only, config=config)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def fetch_few(connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> "pa.Table":
    """Return the rows of a query, which are few, as an Arrow table: they are copied, the query compiled once.

    A relation copies nothing and compiles twice, which takes longer up to some 50,000 rows.
    """
    return connection.execute(query, list(values)).to_arrow_table()


def _require_files() -> None:
    """Raise OSError where hardly a file can be opened: DuckDB, as it begins, would end the whole process."""
    held: list[int] = []
    try:
        for _ in range(FILES_OF_AN_ENGINE):
            held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in held:
            os.close(descriptor)


class Relations:
    """Relations that one piece of work makes in an engine, each under a name of its own; gone at its end."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._registered: list[str] = []
        self._created: list[str] = []

    def register(self, stem: str, table: object) -> str:
        """Let SQL read an Arrow table; returns the relation's name, which begins with `stem`."""
        name = f"{stem}_{next(_NUMBERS)}"
        self._connection.register(name, table)
        self._registered.append(name)
        return name

    def create(self, stem: str, query: str) -> str:
        """Keep the rows of a query in a temporary table; returns its name, which begins with `stem`."""
        name = f"{stem}_{next(_NUMBERS)}"
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
        self._created.append(name)
        return name

    def hand_over(self, name: str, to: "Relations") -> str:
        """Let a table that was created here be one of others; returns its name."""
        self._created.remove(name)
        to._created.append(name)
        return name

    def release(self) -> None:
        """Remove them all."""
        while self._registered:
            self._connection.unregister(self._registered.pop())
        while self._created:
            self._connection.execute(f"DROP TABLE {self._created.pop()}")

    def __enter__(self) -> "Relations":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

"""The engine that an expression is bound in while its file is read: types, and what constants come to.

Belongs here: asking DuckDB, without a file or a network in reach. Not here: what an expression may say
(`expression`) and what becomes of its types (`exact_tree`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import duckdb
from sqlglot import exp

from event_archive.engine import open_engine
from event_archive.limits import Limits
from event_archive.sql_text import quoted


class Types(Protocol):
    """What an expression over certain columns is, before there is a row."""

    def type_of(self, tree: exp.Expr) -> str:
        """Return DuckDB's name of the type of an expression; raises duckdb.Error where it has none."""

    def failure(self, tree: exp.Expr) -> str | None:
        """Return why an expression without columns fails; None where it gives a value."""


class Binder:
    """An engine that is open while it is entered; `limits` bound it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._types: dict[str, str] = {}

    def __enter__(self) -> "Binder":
        memory_bytes = self._limits.engine_bytes
        self._connection = open_engine(threads=1, memory_bytes=memory_bytes, sealed=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The engine; it is asked while a file is read, and not later."""
        assert self._connection, "types are asked for while a file is read"
        return self._connection

    def type_of(self, query: str) -> str:
        """Return DuckDB's name of the type of a query's column; the same query is bound once."""
        if query not in self._types:
            self._types[query] = str(self.connection.sql(query).types[0])
        return self._types[query]

    def over(self, columns: Mapping[str, str]) -> "ColumnTypes":
        """Return what answers for expressions over these columns: names, and DuckDB's types."""
        return ColumnTypes(self, columns)


@dataclass(frozen=True)
class ColumnTypes:
    """The types of expressions over a table of these columns."""

    binder: Binder
    columns: Mapping[str, str]

    def type_of(self, tree: exp.Expr) -> str:
        """Return DuckDB's name of the type of an expression; raises duckdb.Error where it has none."""
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in self.columns.items())
        return self.binder.type_of(f"SELECT {tree.sql('duckdb')} FROM (SELECT {nothing}) AS fields")

    def failure(self, tree: exp.Expr) -> str | None:
        """Return why an expression without columns fails; None where it gives a value."""
        try:
            self.binder.connection.execute(f"SELECT {tree.sql('duckdb')}").fetchall()
        except duckdb.Error as error:
            return str(error).splitlines()[0]
        return None

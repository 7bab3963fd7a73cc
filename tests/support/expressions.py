"""Expressions over one row: what each gives, and why it gives nothing.

Belongs here: compiling and evaluating for tests. Not here: mapping files, repairs and contracts, which have
their own worlds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
from sqlglot import exp

from event_archive.engine import open_engine
from event_archive.expressions.binder import Binder
from event_archive.expressions.exact_tree import ExactTree
from event_archive.expressions.expression import parse_expression
from event_archive.expressions.sql_tree import Path
from event_archive.sql_text import quoted, tried

PLACE = "the result"


class TypedRow:
    """One row of named columns, each a DuckDB type and a value; expressions read it."""

    def __init__(self, columns: Mapping[str, tuple[str, Any]]) -> None:
        self.kinds = {name: kind for name, (kind, _) in columns.items()}
        self.engine = open_engine(threads=1, memory_bytes=200 << 20, sealed=True)
        typed = ", ".join(f"{quoted(name)} {kind}" for name, kind in self.kinds.items())
        self.engine.execute(f"CREATE TABLE record ({typed})")
        self.put(**{name: value for name, (_, value) in columns.items()})
        self.binder = Binder()
        self.binder.__enter__()

    def put(self, **values: Any) -> None:
        """Replace the row's values."""
        self.engine.execute("DELETE FROM record")
        marks = ", ".join(f"CAST(? AS {self.kinds[name]})" for name in values)
        names = ", ".join(map(quoted, values))
        self.engine.execute(f"INSERT INTO record ({names}) VALUES ({marks})", list(values.values()))

    def close(self) -> None:
        """Close both engines."""
        self.binder.__exit__()
        self.engine.close()

    def field(self, path: Path) -> exp.Expr:
        """Read a column by the last name of a path; what is none is NULL."""
        name = str(path[-1])
        return exp.column(name, quoted=True) if name in self.kinds else exp.null()

    def compiled(self, text: str) -> ExactTree:
        """The expression; raises UnusableInput and duckdb.Error, as reading a file does."""
        return parse_expression(text).compile(self.field, self.binder.over(self.kinds), PLACE)

    def value(self, text: str) -> Any:
        """What the expression gives for the row; raises duckdb.Error where it fails."""
        return self.one(self.compiled(text).value.sql("duckdb"))

    def outcome(self, text: str) -> tuple[Any, str | None]:
        """What the expression gives under TRY, as a mapping asks, and if that is NULL, why."""
        built = self.compiled(text)
        value = self.one(tried(built.value.sql("duckdb")))
        why = None if value is not None or built.why is None else self.one(tried(built.why.sql("duckdb")))
        return value, why

    def outcomes(self, text: str, column: str, values: Sequence[Any]) -> list[tuple[Any, str | None]]:
        """The outcomes for many rows that differ in one column, in one query."""
        built = self.compiled(text)
        why = "NULL" if built.why is None else tried(built.why.sql("duckdb"))
        value = tried(built.value.sql("duckdb"))
        kind = self.kinds[column]
        rows = (
            f"SELECT n, CAST(v AS {kind}) AS {quoted(column)} FROM (SELECT unnest($1) AS v, unnest($2) AS n)"
        )
        query = f"SELECT {value} AS value, CASE WHEN value IS NULL THEN {why} END FROM ({rows}) ORDER BY n"
        return self.engine.execute(query, [list(values), list(range(len(values)))]).fetchall()

    def one(self, sql: str) -> Any:
        """The one value of SQL over the row."""
        row = self.engine.execute(f"SELECT {sql} FROM record").fetchone()
        assert row
        return row[0]


def plain_value(row: TypedRow, text: str) -> Any:
    """What DuckDB itself gives for a text over the row, or the type of its error."""
    try:
        return row.one(text)
    except duckdb.Error as error:
        return type(error)

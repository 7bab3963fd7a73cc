"""Which rows of a table differ between two dataset files, told apart by the table's key.

Belongs here: the SQL that compares a table of the attached files `a` and `b`, and reading what it found. Not
here: which files these are (`diffing`), and why rows differ (`causes`). Nulls are values like any other.

The rows found lie in a temporary table, one per table compared: `kind`, and as `a` and `b` the whole row on
each side. Columns that only say when something landed change no row; rows that differ in them alone are
counted apart. A column that one side lacks is left out of the comparison and named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.dataset.row_tracing import MartNote
from orchestration.dataset.tables import column_types, name, relation

ADDED, REMOVED, CHANGED, READ_AGAIN = "added", "removed", "changed", "read_again"
# The alias by which a table's row is meant as a whole: no column should be called that.
WHOLE = '"the whole row"'
SHOWN_FIRST = (CHANGED, REMOVED, ADDED)


@dataclass(frozen=True)
class Shape:
    """How a table is compared: by which key, in which columns, and what is left out.

    `retyped`: columns that have another type on each side, compared as text.
    """

    key: tuple[str, ...]
    compared: tuple[str, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    landing: tuple[str, ...] = ()

    def has(self, side: str, columns: Iterable[str]) -> bool:
        """Whether one side has all of these columns."""
        own = self.only_a if side == "a" else self.only_b
        return {*self.compared, *self.landing, *own} >= set(columns)


@dataclass(frozen=True)
class RowDifferences:
    """How many rows of a table differ, and the temporary table that holds them."""

    shape: Shape
    found: str
    added: int
    removed: int
    changed: int
    read_again: int

    @property
    def rows(self) -> int:
        """How many rows differ, but for when something landed."""
        return self.added + self.removed + self.changed


@dataclass(frozen=True)
class Row:
    """One row that differs; `values`: of a changed one, per column that differs, the old and new value."""

    id: int
    kind: str
    key: dict[str, Any]
    values: dict[str, tuple[Any, Any]]


def shape_of(connection: duckdb.DuckDBPyConnection, table: str, a: MartNote, b: MartNote) -> Shape:
    """Decide how a table that both files have is compared."""
    types = {side: column_types(connection, table, side) for side in ("a", "b")}
    both = [column for column in types["b"] if column in types["a"]]
    landing = tuple(column for column in both if column in {*a.landing_columns, *b.landing_columns})
    compared = tuple(column for column in both if column not in landing)
    # Code that knows another key may have derived one side: the newer one's counts, where both have it.
    keys = [note.row_key for note in (b, a) if note.row_key and set(note.row_key) <= set(compared)]
    return Shape(
        key=keys[0] if keys else compared,
        compared=compared,
        only_a=tuple(column for column in types["a"] if column not in types["b"]),
        only_b=tuple(column for column in types["b"] if column not in types["a"]),
        retyped=tuple(column for column in both if types["a"][column] != types["b"][column]),
        landing=landing,
    )


def compare_rows(
    connection: duckdb.DuckDBPyConnection, table: str, a: MartNote, b: MartNote
) -> RowDifferences:
    """Find the rows of a table that differ between the attached files `a` and `b`.

    Hashes tell under which keys anything differs, and only the rows of these are compared value by value:
    that takes a fifth of the time, and a row that has changed escapes it once in 2^64 times.
    """
    shape = shape_of(connection, table, a, b)
    keys = f"temp.{name(f'differing keys of {table}')}"
    found = f"temp.{name(f'differences of {table}')}"
    hashes = [hashes_sql(side, sign, table, shape) for side, sign in (("a", 1), ("b", -1))]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {keys} AS SELECT * EXCLUDE (sign, hashed) "
        f"FROM ({' UNION ALL '.join(hashes)}) GROUP BY ALL "
        "HAVING sum(sign) <> 0 OR sum(sign * hashed) <> 0"
    )
    sides = {side: rows_sql(side, table, shape, keys) for side in ("a", "b")}
    same_key = " AND ".join(
        f"a.k{place} IS NOT DISTINCT FROM b.k{place}" for place in range(len(shape.key) or 1)
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {found} AS SELECT kind, "
        f"if(kind <> '{READ_AGAIN}', a_row, NULL) AS a, if(kind <> '{READ_AGAIN}', b_row, NULL) AS b FROM ("
        f"SELECT CASE WHEN a.is_there IS NULL THEN '{ADDED}' WHEN b.is_there IS NULL THEN '{REMOVED}' "
        f"WHEN a.compared IS DISTINCT FROM b.compared THEN '{CHANGED}' ELSE '{READ_AGAIN}' END AS kind, "
        "a.whole AS a_row, b.whole AS b_row "
        f"FROM ({sides['a']}) AS a FULL JOIN ({sides['b']}) AS b ON {same_key} AND a.number = b.number "
        "WHERE a.is_there IS NULL OR b.is_there IS NULL OR a.compared IS DISTINCT FROM b.compared "
        "OR a.landing IS DISTINCT FROM b.landing)"
    )
    connection.execute(f"DROP TABLE {keys}")
    counted = connection.execute(f"SELECT kind, count(*) FROM {found} GROUP BY kind").fetchall()
    counts: dict[str, int] = dict(counted)
    numbers = [counts.get(kind, 0) for kind in (ADDED, REMOVED, CHANGED, READ_AGAIN)]
    return RowDifferences(shape, found, *numbers)


def hashes_sql(side: str, sign: int, table: str, shape: Shape) -> str:
    """The SELECT of the key and a hash of each row of one side."""
    keys = ", ".join(f"{one} AS k{place}" for place, one in enumerate(values(shape.key, shape)))
    hashed = ", ".join(values((*shape.compared, *shape.landing), shape))
    return (
        f"SELECT {keys}, {sign} AS sign, hash({hashed})::HUGEINT AS hashed "
        f"FROM {side}.{relation(table)} AS {WHOLE}"
    )


def rows_sql(side: str, table: str, shape: Shape, keys: str) -> str:
    """The SELECT of one side's rows that have one of these keys.

    Rows that share a key are numbered, so that each finds one partner: without a key, and in a dataset that
    nobody tested, there may be such.
    """
    key, compared = values(shape.key, shape), values(shape.compared, shape)
    named = ", ".join(f"{one} AS k{place}" for place, one in enumerate(key))
    same = " AND ".join(f"{one} IS NOT DISTINCT FROM keys.k{place}" for place, one in enumerate(key))
    return (
        f"SELECT true AS is_there, {named}, row({', '.join(compared)}) AS compared, "
        f"row({', '.join(values(shape.landing, shape))}) AS landing, {WHOLE} AS whole, "
        f"row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {', '.join(compared)}) AS number "
        f"FROM {side}.{relation(table)} AS {WHOLE} SEMI JOIN {keys} AS keys ON {same}"
    )


def values(columns: Sequence[str], shape: Shape) -> list[str]:
    """Word the values of columns for comparison; tables that share no column have none."""
    cast = {column: "::VARCHAR" if column in shape.retyped else "" for column in columns}
    return [f"{WHOLE}.{name(column)}{cast[column]}" for column in columns] or ["NULL"]


def rows_of(
    connection: duckdb.DuckDBPyConnection, differences: RowDifferences, limit: int | None
) -> list[Row]:
    """Read the first rows that differ: changed ones, then what is gone, then what came, each by its key."""
    shape = differences.shape
    kinds = ", ".join(f"'{kind}'" for kind in SHOWN_FIRST)
    key = [
        f"if(kind = '{ADDED}', {on_side(one, 'b', shape)}, {on_side(one, 'a', shape)})" for one in shape.key
    ]
    sides = [
        f"a.{name(one)}, b.{name(one)}, "
        f"{on_side(one, 'a', shape)} IS DISTINCT FROM {on_side(one, 'b', shape)}"
        for one in shape.compared
    ]
    rows = connection.execute(
        f"SELECT {', '.join(['rowid', 'kind', *key, *sides])} FROM {differences.found} "
        f"WHERE kind <> '{READ_AGAIN}' ORDER BY list_position([{kinds}], kind), {', '.join([*key, 'rowid'])} "
        + ("" if limit is None else f"LIMIT {int(limit)}")
    ).fetchall()
    return [read_row(shape, *row) for row in rows]


def on_side(column: str, side: str, shape: Shape) -> str:
    """Word a column's value on one side of a row found."""
    return f"{side}.{name(column)}" + ("::VARCHAR" if column in shape.retyped else "")


def read_row(shape: Shape, number: int, kind: str, *values: Any) -> Row:
    """Take one row apart: its key, then old value, new value and whether these differ per column."""
    key, rest = values[: len(shape.key)], values[len(shape.key) :]
    triples = zip(shape.compared, rest[0::3], rest[1::3], rest[2::3], strict=True)
    changed = {column: (old, new) for column, old, new, is_other in triples if is_other}
    return Row(number, kind, dict(zip(shape.key, key, strict=True)), changed if kind == CHANGED else {})

"""Which rows of a table differ between two dataset files, told apart by the table's key.

Belongs here: how the table of the attached files `a` and `b` is compared, its rows value by value, and
reading those that differ. Not here: which files these are (`compare`), under which keys anything differs
(`dataset.compare`), and why (`causes`). Nulls are values like any other.

Columns that only say when something landed change no row; rows that differ in them alone are counted apart.
A column that one side lacks is left out of the comparison and named.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from event_archive.sql_text import quoted
from orchestration.dataset.compare import WHOLE, TablePair, differing_keys_sql, pair_tables
from orchestration.dataset.row_tracing import MartDescription
from orchestration.dataset.tables import relation

ADDED, REMOVED, CHANGED, READ_AGAIN = "added", "removed", "changed", "read_again"
SHOWN_FIRST = (CHANGED, REMOVED, ADDED)
A, B = "a", "b"


@dataclass(frozen=True)
class TableComparison:
    """How a table is compared: by which key, and in which columns; `landing`: those that change no row."""

    pair: TablePair
    key: tuple[str, ...]
    compared: tuple[str, ...]
    landing: tuple[str, ...] = ()

    def has(self, side: str, columns: Iterable[str]) -> bool:
        """Whether one side has all of these columns."""
        return set(columns) <= set(self.pair.types_a if side == A else self.pair.types_b)

    def values(self, columns: Sequence[str]) -> list[str]:
        """Return the values of columns for comparison, as SQL; tables that share no column have none."""
        return [self.pair.value(column) for column in columns] or ["NULL"]


@dataclass(frozen=True)
class RowDifferences:
    """How many rows of a table differ, and the temporary table that holds them.

    That table has the columns `kind`, and as `a` and `b` the whole row on each side.
    """

    comparison: TableComparison
    temporary_table: str
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


def choose_comparison(
    connection: duckdb.DuckDBPyConnection, table: str, a: MartDescription, b: MartDescription
) -> TableComparison:
    """Decide how a table that both files have is compared."""
    pair = pair_tables(connection, table, A, B)
    only_landing = {*a.landing_columns, *b.landing_columns}
    compared = tuple(column for column in pair.shared if column not in only_landing)
    # Code that knows another key may have derived one side: the newer one's counts, where both have it.
    keys = [mart.row_key for mart in (b, a) if mart.row_key and set(mart.row_key) <= set(compared)]
    return TableComparison(
        pair=pair,
        key=keys[0] if keys else compared,
        compared=compared,
        landing=tuple(column for column in pair.shared if column in only_landing),
    )


def compare_rows(
    connection: duckdb.DuckDBPyConnection, table: str, a: MartDescription, b: MartDescription
) -> RowDifferences:
    """Find the rows of a table that differ between the attached files `a` and `b`.

    Hashes show under which keys anything differs, and only the rows of these are compared value by value:
    that takes a fifth of the time.
    """
    comparison = choose_comparison(connection, table, a, b)
    keys = f"temp.{quoted(f'differing keys of {table}')}"
    differences = f"temp.{quoted(f'differences of {table}')}"
    key, hashed = comparison.key, (*comparison.compared, *comparison.landing)
    keys_sql = differing_keys_sql(comparison.pair, comparison.values(key), comparison.values(hashed))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {keys} AS {keys_sql}")
    side_a, side_b = (rows_sql(side, comparison, keys) for side in (A, B))
    same_key = " AND ".join(f"a.k{place} IS NOT DISTINCT FROM b.k{place}" for place in range(len(key) or 1))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {differences} AS SELECT kind, "
        f"if(kind <> '{READ_AGAIN}', a_row, NULL) AS a, if(kind <> '{READ_AGAIN}', b_row, NULL) AS b FROM ("
        f"SELECT CASE WHEN a.is_there IS NULL THEN '{ADDED}' WHEN b.is_there IS NULL THEN '{REMOVED}' "
        f"WHEN a.compared IS DISTINCT FROM b.compared THEN '{CHANGED}' ELSE '{READ_AGAIN}' END AS kind, "
        "a.whole AS a_row, b.whole AS b_row "
        f"FROM ({side_a}) AS a FULL JOIN ({side_b}) AS b ON {same_key} AND a.number = b.number "
        "WHERE a.is_there IS NULL OR b.is_there IS NULL OR a.compared IS DISTINCT FROM b.compared "
        "OR a.landing IS DISTINCT FROM b.landing)"
    )
    connection.execute(f"DROP TABLE {keys}")
    per_kind = connection.execute(f"SELECT kind, count(*) FROM {differences} GROUP BY kind").fetchall()
    counts: dict[str, int] = dict(per_kind)
    numbers = [counts.get(kind, 0) for kind in (ADDED, REMOVED, CHANGED, READ_AGAIN)]
    return RowDifferences(comparison, differences, *numbers)


def rows_sql(side: str, comparison: TableComparison, keys: str) -> str:
    """The SELECT of one side's rows that have one of these keys.

    Rows that share a key are numbered, so that each finds one partner: without a key, and in a dataset that
    nobody tested, there may be such.
    """
    key, compared = comparison.values(comparison.key), comparison.values(comparison.compared)
    named = ", ".join(f"{value} AS k{place}" for place, value in enumerate(key))
    same = " AND ".join(f"{value} IS NOT DISTINCT FROM keys.k{place}" for place, value in enumerate(key))
    landing = ", ".join(comparison.values(comparison.landing))
    return (
        f"SELECT true AS is_there, {named}, row({', '.join(compared)}) AS compared, "
        f"row({landing}) AS landing, {WHOLE} AS whole, "
        f"row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {', '.join(compared)}) AS number "
        f"FROM {relation(comparison.pair.table, side)} AS {WHOLE} SEMI JOIN {keys} AS keys ON {same}"
    )


def read_rows(
    connection: duckdb.DuckDBPyConnection, differences: RowDifferences, limit: int | None
) -> list[Row]:
    """Return the first rows that differ: changed ones, then removed, then added ones, each by its key."""
    comparison = differences.comparison
    pair = comparison.pair
    kinds = ", ".join(f"'{kind}'" for kind in SHOWN_FIRST)
    key = [
        f"if(kind = '{ADDED}', {pair.value(column, B)}, {pair.value(column, A)})" for column in comparison.key
    ]
    sides = [
        f"a.{quoted(column)}, b.{quoted(column)}, "
        f"{pair.value(column, A)} IS DISTINCT FROM {pair.value(column, B)}"
        for column in comparison.compared
    ]
    rows = connection.execute(
        f"SELECT {', '.join(['rowid', 'kind', *key, *sides])} FROM {differences.temporary_table} "
        f"WHERE kind <> '{READ_AGAIN}' ORDER BY list_position([{kinds}], kind), {', '.join([*key, 'rowid'])} "
        + ("" if limit is None else f"LIMIT {int(limit)}")
    ).fetchall()
    return [read_row(comparison, *row) for row in rows]


def read_row(comparison: TableComparison, number: int, kind: str, *values: Any) -> Row:
    """Return one row: `values` are its key, then old value, new value and whether they differ per column."""
    key, rest = values[: len(comparison.key)], values[len(comparison.key) :]
    triples = zip(comparison.compared, rest[0::3], rest[1::3], rest[2::3], strict=True)
    changed = {column: (old, new) for column, old, new, is_other in triples if is_other}
    return Row(number, kind, dict(zip(comparison.key, key, strict=True)), changed if kind == CHANGED else {})

"""Comparing tables: given a table in two files, expect which rows, days and keys are not the same."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import duckdb
import pytest

from event_archive.engine import open_engine
from orchestration.dataset.compare import (
    DayDifference,
    count_by_day,
    differing_keys_sql,
    differing_row_ids,
    have_same_definitions,
    pair_tables,
    table_state,
)
from orchestration.dataset.tables import columns

LINES = (
    "(VALUES (1, DATE '2026-01-01', 10), (2, DATE '2026-01-02', 20), (3, NULL, 30)) AS t (id, day, amount)"
)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two databases, `a` and `b`, with an equal table `s.lines` in each."""
    with closing(open_engine()) as connection:
        for database in ("a", "b"):
            connection.execute(f"ATTACH ':memory:' AS {database}")
            connection.execute(f"CREATE SCHEMA {database}.s")
            connection.execute(f"CREATE TABLE {database}.s.lines AS FROM {LINES}")
        yield connection


def days(connection: duckdb.DuckDBPyConnection) -> list[DayDifference]:
    return count_by_day(connection, pair_tables(connection, "s.lines", "a", "b"), "day")


def keys(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    pair = pair_tables(connection, "s.lines", "a", "b")
    compared = [pair.value(column) for column in pair.shared]
    return sorted(connection.execute(differing_keys_sql(pair, [pair.value("id")], compared)).fetchall())


def is_same(connection: duckdb.DuckDBPyConnection) -> bool:
    state_a, state_b = (table_state(connection, "s.lines", database=side) for side in ("a", "b"))
    return state_a == state_b


def test_equal_tables_are_equal_in_every_way(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE OR REPLACE TABLE b.s.lines AS FROM b.s.lines ORDER BY id DESC")
    assert is_same(connection)
    assert days(connection) == []
    assert keys(connection) == []
    with differing_row_ids(connection, "s.lines", "a", "b") as (row_ids, added):
        assert (connection.execute(f"FROM {row_ids}").fetchall(), added) == ([], 0)


@pytest.mark.parametrize(
    ("change", "expected_days", "expected_keys"),
    [
        ("UPDATE b.s.lines SET amount = 21 WHERE id = 2", [(date(2026, 1, 2), 1, 1)], [(2,)]),
        ("DELETE FROM b.s.lines WHERE id = 1", [(date(2026, 1, 1), 1, 0)], [(1,)]),
        ("INSERT INTO b.s.lines VALUES (4, DATE '2026-01-02', 5)", [(date(2026, 1, 2), 0, 1)], [(4,)]),
        ("INSERT INTO b.s.lines FROM b.s.lines WHERE id = 3", [(None, 0, 1)], [(3,)]),
        ("UPDATE b.s.lines SET amount = NULL WHERE day IS NULL", [(None, 1, 1)], [(3,)]),
        ("UPDATE b.s.lines SET id = 20, amount = 2 WHERE id = 2", [(date(2026, 1, 2), 1, 1)], [(2,), (20,)]),
        (
            "UPDATE b.s.lines SET day = DATE '2026-01-02' WHERE id = 1",
            [(date(2026, 1, 1), 1, 0), (date(2026, 1, 2), 0, 1)],
            [(1,)],
        ),
    ],
)
def test_a_difference_is_seen_by_digest_by_day_and_by_key(
    connection: duckdb.DuckDBPyConnection,
    change: str,
    expected_days: list[tuple[date | None, int, int]],
    expected_keys: list[tuple[int, ...]],
) -> None:
    connection.execute(change)
    assert not is_same(connection)
    assert days(connection) == [DayDifference(*expected) for expected in expected_days]
    assert keys(connection) == expected_keys


def test_rows_that_one_side_lacks_are_named_by_their_place(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("UPDATE b.s.lines SET amount = 21 WHERE id = 2")
    with differing_row_ids(connection, "s.lines", "a", "b") as (row_ids, added):
        amounts = [
            connection.execute(
                f"SELECT amount FROM {side}.s.lines WHERE rowid IN (SELECT {column} FROM {row_ids})"
            ).fetchall()
            for side, column in (("a", "only_a"), ("b", "only_b"))
        ]
    assert (amounts, added) == ([[(20,)], [(21,)]], 1)


@pytest.mark.parametrize(
    ("kind", "differs"),
    [("VARCHAR", True), ("BIGINT", False), ("DOUBLE", True)],
)
def test_a_text_is_no_number_where_the_type_of_a_column_changed(
    connection: duckdb.DuckDBPyConnection, kind: str, differs: bool
) -> None:
    connection.execute(f"ALTER TABLE b.s.lines ALTER amount TYPE {kind}")
    assert bool(days(connection)) == differs
    assert not is_same(connection)
    assert not have_same_definitions(connection, ["s.lines"], "a", "b")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE b.s.lines RENAME amount TO price",
        "CREATE OR REPLACE TABLE b.s.lines AS SELECT id, amount, day FROM b.s.lines",
        "ALTER TABLE b.s.lines ADD COLUMN note VARCHAR",
    ],
)
def test_other_columns_make_all_rows_differ(connection: duckdb.DuckDBPyConnection, change: str) -> None:
    connection.execute(change)
    assert [(differing.only_published, differing.only_replayed) for differing in days(connection)] == (
        [(1, 1)] * 3
    )


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("NULL::INT[]", "[]::INT[]"),
        ("[NULL]::INT[]", "[]::INT[]"),
        ("[[1, 2]]", "[[1], [2]]"),
        ("NULL::STRUCT(n INT)", "{'n': NULL::INT}"),
        ("0.0::DOUBLE", "-0.0::DOUBLE"),
        ("INTERVAL 1 MONTH", "INTERVAL 30 DAYS"),
        ("''", "NULL::VARCHAR"),
        ("false", "NULL::BOOLEAN"),
    ],
)
def test_values_of_one_hash_are_told_apart_by_day(
    connection: duckdb.DuckDBPyConnection, value: str, other: str
) -> None:
    for side, content in (("a", value), ("b", other)):
        connection.execute(
            f"CREATE OR REPLACE TABLE {side}.s.lines AS SELECT DATE '2026-01-01' AS day, {content} AS content"
        )
    assert days(connection) == [DayDifference(date(2026, 1, 1), 1, 1)]


def test_a_table_is_found_whatever_the_case_of_its_name(connection: duckdb.DuckDBPyConnection) -> None:
    assert [column.name for column in columns(connection, "S.Lines", database="a")] == ["id", "day", "amount"]
    assert table_state(connection, "S.LINES", database="a") == table_state(
        connection, "s.lines", database="b"
    )

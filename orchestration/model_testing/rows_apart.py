"""Rows that one of two tables has and the other has not, for the reader of a test that failed.

Belongs here: finding them, and naming them. Not here: comparing large tables (`dataset.compare`).
"""

from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from event_archive.engine import open_engine
from event_archive.sql_text import literal, quoted
from orchestration.dataset.tables import relation

Rows = list[tuple[Any, ...]]
# They say what landed when, which is the one thing that may differ between two ways of arriving.
LANDED_COLUMNS = frozenset({"first_sequence", "last_sequence"})
MOST_SHOWN = 20


def differing(
    tables: Iterable[str], built: Path, expected: Path, without: Collection[str] = ()
) -> dict[str, Rows]:
    """Return by table the rows that only one of two DuckDB files has, `without` these columns."""
    with closing(open_engine()) as connection:
        for alias, file in (("built", built), ("expected", expected)):
            connection.execute(f"ATTACH {literal(str(file))} AS {alias} (READ_ONLY)")
        rows_of = {table: _of_table(connection, table, without) for table in sorted(tables)}
    return {table: rows for table, rows in rows_of.items() if rows}


def _of_table(connection: duckdb.DuckDBPyConnection, table: str, without: Collection[str]) -> Rows:
    described = connection.execute(f"DESCRIBE built.{relation(table)}").fetchall()
    columns = [column for column, *_ in described if column not in without]
    return rows_apart(connection, columns, f"built.{relation(table)}", f"expected.{relation(table)}")


def rows_apart(
    connection: duckdb.DuckDBPyConnection, columns: Iterable[str], built: str, expected: str
) -> Rows:
    """Return the rows that only one of two relations has in these columns, each with whose it is."""
    listed = ", ".join(map(quoted, columns))
    one, other = f"SELECT {listed} FROM {built}", f"SELECT {listed} FROM {expected}"
    return connection.execute(
        f"SELECT 'built', * FROM ({one} EXCEPT ALL {other}) "
        f"UNION ALL SELECT 'expected', * FROM ({other} EXCEPT ALL {one}) ORDER BY ALL"
    ).fetchall()


def format_rows(rows: Rows) -> str:
    """Return the rows for people, the first of many."""
    shown = [f"  {row[0]}: {', '.join(map(str, row[1:]))}" for row in rows[:MOST_SHOWN]]
    more = [f"  … and {len(rows) - MOST_SHOWN} more"] if len(rows) > MOST_SHOWN else []
    return "\n".join([*shown, *more])

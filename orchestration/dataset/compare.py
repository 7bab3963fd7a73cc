"""How two tables are compared: whether they are equal, in which rows, on which days, or under which keys.

Belongs here: the four ways, and what tells one row from another. Not here: what follows from a difference: a
new file (`dataset_update`), a replay that does not hold (`replay.verify`), old and new values (`diff.rows`).

    by digest   `table_state`            one table at a time; equal states are equal tables
    by row      `differing_row_ids`      which rows of one table the other lacks
    by day      `count_by_day`           how many rows of one table the other lacks
    by key      `differing_keys_sql`     under which keys anything differs

Each compares hashes, in any order of rows. What has to be right takes two of them together, over the columns
forwards and backwards, 128 bits; where a digest is taken of the result anyway, one is enough. They find what
differs by accident, not what somebody forged. One version of DuckDB makes the same of a row on every machine,
with any number of threads; MD5 of each row as JSON did so for every version, and took fifty times as long.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from event_archive import UnusableInput
from event_archive.engine import Relations
from event_archive.sql_text import quoted
from orchestration.dataset.table_state import TableState
from orchestration.dataset.tables import WAREHOUSE, columns, comments, relation

# The alias by which a table's row is meant as a whole: no column should be called that.
WHOLE = '"the whole row"'
# The types of which a value's hash says which one it is; see `exact_value`.
EXACTLY_HASHED = re.compile(
    r"BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|DECIMAL\(\d+,\d+\)|VARCHAR|BLOB|UUID|DATE"
    r"|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?"
)


@dataclass(frozen=True)
class DayDifference:
    """On one day, how many rows are in one of the files only; without a day: rows that have none."""

    day: date | None
    only_published: int
    only_replayed: int


@dataclass(frozen=True)
class TablePair:
    """A table that two attached databases hold, `a` and `b`, with the types of its columns on either side."""

    table: str
    a: str
    b: str
    types_a: Mapping[str, str]
    types_b: Mapping[str, str]

    @property
    def has_same_columns(self) -> bool:
        """Whether both have the same columns, of the same types and in the same order."""
        return list(self.types_a.items()) == list(self.types_b.items())

    @property
    def shared(self) -> tuple[str, ...]:
        """The columns that both have, in the order of `b`."""
        return tuple(column for column in self.types_b if column in self.types_a)

    @property
    def only_a(self) -> tuple[str, ...]:
        """The columns that `b` lacks."""
        return tuple(column for column in self.types_a if column not in self.types_b)

    @property
    def only_b(self) -> tuple[str, ...]:
        """The columns that `a` lacks."""
        return tuple(column for column in self.types_b if column not in self.types_a)

    @property
    def retyped(self) -> tuple[str, ...]:
        """The columns that have another type on each side; they are compared as text."""
        return tuple(column for column in self.shared if self.types_a[column] != self.types_b[column])

    def value(self, column: str, row: str = WHOLE) -> str:
        """Return a column's value for comparison, as SQL; `row`: the alias of the row that it is of."""
        return f"{row}.{quoted(column)}" + ("::VARCHAR" if column in self.retyped else "")


def pair_tables(connection: duckdb.DuckDBPyConnection, table: str, a: str, b: str) -> TablePair:
    """Read the columns of a table in two attached databases."""
    types_a, types_b = (
        {column.name: column.type for column in columns(connection, table, database=side)} for side in (a, b)
    )
    return TablePair(table, a, b, types_a, types_b)


def have_same_definitions(
    connection: duckdb.DuckDBPyConnection, tables: Collection[str], a: str, b: str
) -> bool:
    """Whether two attached databases describe tables in the same words: columns, constraints, comments."""
    said_a, said_b = comments(connection, database=a), comments(connection, database=b)
    return all(
        said_a.get(table.lower()) == said_b.get(table.lower())
        and columns(connection, table, database=a) == columns(connection, table, database=b)
        for table in tables
    )


def exact_value(column: str, column_type: str) -> str:
    """Return the SQL of a column's value of which different values have different hashes.

    DuckDB gives one hash to no list, an empty one and one of NULL, to [[1, 2]] and [[1], [2]], to 0.0 and
    -0.0, to a month and 30 days. Their JSON text tells them apart.
    """
    value = f"{WHOLE}.{quoted(column)}"
    return value if EXACTLY_HASHED.fullmatch(column_type) else f"to_json({value})::VARCHAR"


def row_hash(values: Sequence[str]) -> str:
    """Return the SQL of a 64-bit hash of these values."""
    return f"hash({', '.join(values)})"


def row_hashes(values: Sequence[str]) -> tuple[str, str]:
    """Return the SQL of two independent hashes of these values: forwards and backwards."""
    return row_hash(values), row_hash(["1", *reversed(values)])


def table_state(
    connection: duckdb.DuckDBPyConnection, table: str, *, database: str = WAREHOUSE
) -> TableState:
    """Return the state of one table.

    The hashes of all rows are summed: unlike with an XOR, a row that is there twice counts.
    """
    definition = columns(connection, table, database=database)
    forwards, backwards = row_hashes([quoted(column.name) for column in definition])
    sums = connection.execute(
        f"SELECT count(*), coalesce(sum({forwards}), 0), coalesce(sum({backwards}), 0) "
        f"FROM {relation(table, database)}"
    ).fetchone()
    assert sums is not None
    definitions = [column.definition for column in definition]
    return TableState(sums[0], hashlib.sha256(repr((definitions, *sums)).encode()).hexdigest())


def table_states(connection: duckdb.DuckDBPyConnection) -> dict[str, TableState]:
    """Return the state of every mart of the warehouse.

    Raises UnusableInput where one can't be read: a view is first computed here, dbt has only made it.
    """
    marts = connection.execute("SELECT schema_name, table_name FROM audit.marts ORDER BY ALL").fetchall()
    states = {}
    for schema, table in marts:
        try:
            states[f"{schema}.{table}"] = table_state(connection, f"{schema}.{table}")
        except (duckdb.DataError, duckdb.ProgrammingError) as error:
            reason = " ".join(str(error).split())
            raise UnusableInput(
                f"{schema}.{table}: its rows can't be computed, so nothing is published; mend it: {reason}"
            ) from None
    return states


@contextmanager
def differing_row_ids(
    connection: duckdb.DuckDBPyConnection, table: str, a: str, b: str
) -> Iterator[tuple[str, int]]:
    """Find the rows of a table that only one of two databases has; its columns are the same in both.

    Gives a temporary table of `only_a` and `only_b`, each the rowid of such a row, and how many are only in
    `b`. Of a row that is there more often on one side, nothing is found.
    """
    hashed = row_hash([quoted(column.name) for column in columns(connection, table, database=b)])
    with Relations(connection) as relations:
        row_ids = relations.create(
            "differing_row_ids",
            "SELECT only_a, only_b "
            f"FROM (SELECT rowid AS only_a, {hashed} AS row_hash FROM {relation(table, a)}) "
            f"FULL JOIN (SELECT rowid AS only_b, {hashed} AS row_hash FROM {relation(table, b)}) "
            "USING (row_hash) WHERE only_a IS NULL OR only_b IS NULL",
        )
        (added,) = connection.execute(f"SELECT count(only_b) FROM {row_ids}").fetchall()[0]
        yield row_ids, added


def count_by_day(
    connection: duckdb.DuckDBPyConnection, pair: TablePair, day: str | None, *, where: str = "TRUE"
) -> list[DayDifference]:
    """Count the rows that one side lacks, per day where the table has a column for it.

    Rows are balanced: each counts as often as it is there. `where`: SQL, only the rows that fulfil it. Where
    the columns are not the same, each row is compared as JSON text: a column of another name, at another
    place or of another type makes all rows differ, but for a type that JSON writes in the same way.
    """
    on_day = f"CAST({quoted(day)} AS DATE)" if day else "CAST(NULL AS DATE)"

    def rows(database: str, side_columns: Mapping[str, str], sign: int) -> str:
        if pair.has_same_columns:
            values = [exact_value(column, kind) for column, kind in side_columns.items()]
        else:
            values = [f"to_json({WHOLE})::VARCHAR"]
        forwards, backwards = row_hashes(values)
        return (
            f"SELECT {on_day} AS day, {forwards} AS forwards, {backwards} AS backwards, {sign} AS side "
            f"FROM {relation(pair.table, database)} AS {WHOLE} WHERE {where}"
        )

    sides = f"{rows(pair.a, pair.types_a, 1)} UNION ALL {rows(pair.b, pair.types_b, -1)}"
    counts = connection.execute(
        "SELECT day, coalesce(sum(balance) FILTER (balance > 0), 0), "
        "coalesce(-sum(balance) FILTER (balance < 0), 0) "
        f"FROM (SELECT day, sum(side) AS balance FROM ({sides}) "
        "GROUP BY day, forwards, backwards HAVING sum(side) <> 0) "
        "GROUP BY day ORDER BY day NULLS FIRST"
    ).fetchall()
    return [DayDifference(*count) for count in counts]


def differing_keys_sql(pair: TablePair, key: Sequence[str], compared: Sequence[str]) -> str:
    """The SELECT of the keys under which the rows of both sides are not the same: k0, k1, and so on.

    `key` and `compared` are values of the row, as SQL. Hashes of the rows are summed per key, so that a row
    that has changed escapes once in 2^64 times.
    """
    named = ", ".join(f"{value} AS k{place}" for place, value in enumerate(key))
    sides = (
        f"SELECT {named}, {sign} AS sign, {row_hash(compared)}::HUGEINT AS hashed "
        f"FROM {relation(pair.table, database)} AS {WHOLE}"
        for database, sign in ((pair.a, 1), (pair.b, -1))
    )
    return (
        f"SELECT * EXCLUDE (sign, hashed) FROM ({' UNION ALL '.join(sides)}) GROUP BY ALL "
        "HAVING sum(sign) <> 0 OR sum(sign * hashed) <> 0"
    )

"""Comparing a table of two files row by row: in how many rows they differ, and on which days.

Belongs here: SQL over `published` and `replayed`, two attached files. Not here: which files these are
(`replay_verification`, `nightly`), and telling how a single row has changed (`diffing`).
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.dataset.tables import name, relation, text
from orchestration.settings import Settings

PUBLISHED, REPLAYED = "published", "replayed"

# A row is told from others by 128 bits of MD5 over its JSON text, and counted: +1 for each time that it
# is in one file, -1 for each in the other.
ROW_BALANCE = """
SELECT day, coalesce(sum(balance) FILTER (balance > 0), 0), coalesce(-sum(balance) FILTER (balance < 0), 0)
FROM (
    SELECT day, row_digest, sum(side) AS balance
    FROM ({published} UNION ALL {replayed})
    GROUP BY ALL
    HAVING sum(side) <> 0
)
GROUP BY day
ORDER BY day NULLS FIRST
"""


@dataclass(frozen=True)
class DayDifference:
    """On one day, how many rows are in one of the files only; without a day: rows that have none."""

    day: date | None
    only_published: int
    only_replayed: int


@contextmanager
def open_both(settings: Settings, published: Path, replayed: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open two files to compare their tables."""
    with closing(duckdb.connect()) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET threads = {settings.threads}")
        for file, alias in ((published, PUBLISHED), (replayed, REPLAYED)):
            connection.execute(f"ATTACH {text(str(file))} AS {alias} (READ_ONLY)")
        yield connection


def row_differences(
    connection: duckdb.DuckDBPyConnection, table: str, day: str | None, *, where: str = "TRUE"
) -> list[DayDifference]:
    """Count the rows that one of the files lacks, per day where the table has a column for it."""
    on = f"CAST({name(day)} AS DATE)" if day else "CAST(NULL AS DATE)"

    def side(alias: str, sign: int) -> str:
        return (
            f"SELECT {on} AS day, md5_number(to_json(one)::VARCHAR) AS row_digest, {sign} AS side "
            f"FROM {alias}.{relation(table)} AS one WHERE {where}"
        )

    sql = ROW_BALANCE.format(published=side(PUBLISHED, 1), replayed=side(REPLAYED, -1))
    return [DayDifference(*row) for row in connection.execute(sql).fetchall()]

"""How long builds took, and so how long one will take: noted in the warehouse, read from there.

Belongs here: the table `audit.builds`, and the straight line through what it holds. Not here: how many rows a
build reads (`refresh_plan`). A build costs something however little it derives (dbt's start, the reports, the
tests, publishing), and something for each event that facts read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

KEPT = 20
# Where no build is noted yet: two cores of a laptop, the example company.
ASSUMED_START_SECONDS = 10.0
ASSUMED_ROWS_PER_SECOND = 50_000.0


@dataclass(frozen=True)
class Took:
    """One build: how many events its facts read, and how long all of it took, from the command to the end."""

    rows: int
    seconds: float


@dataclass(frozen=True)
class Expected:
    """How long a build will take, and how many noted builds say so; 0 where it is by an assumed rate."""

    seconds: float
    noted_builds: int


def note_build(connection: duckdb.DuckDBPyConnection, took: Took) -> None:
    """Remember how long a build took."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS audit.builds (ended_at TIMESTAMPTZ, rows_read BIGINT, seconds DOUBLE)"
    )
    connection.execute("INSERT INTO audit.builds VALUES (now(), ?, ?)", [took.rows, took.seconds])


def history(connection: duckdb.DuckDBPyConnection) -> list[Took]:
    """List the last builds, newest first."""
    try:
        rows = connection.execute(
            "SELECT rows_read, seconds FROM audit.builds ORDER BY ended_at DESC LIMIT ?", [KEPT]
        ).fetchall()
    except duckdb.CatalogException:
        return []
    return [Took(*row) for row in rows]


def expected(rows: int, noted: Sequence[Took]) -> Expected:
    """Tell how long a build will take whose facts read so many events.

    Builds of different sizes give a line; builds of one size only give its slope, from an assumed start.
    """
    if not noted:
        return Expected(ASSUMED_START_SECONDS + rows / ASSUMED_ROWS_PER_SECOND, 0)
    size = sum(took.rows for took in noted) / len(noted)
    seconds = sum(took.seconds for took in noted) / len(noted)
    spread = sum((took.rows - size) ** 2 for took in noted)
    if spread:
        together = sum((took.rows - size) * (took.seconds - seconds) for took in noted)
        slope = max(0.0, together / spread)
        start = seconds - slope * size
    else:
        start = min(ASSUMED_START_SECONDS, seconds) if size else seconds
        slope = (seconds - start) / size if size else 1 / ASSUMED_ROWS_PER_SECOND
    least = min(took.seconds for took in noted) / 2
    return Expected(max(least, start + slope * rows), len(noted))

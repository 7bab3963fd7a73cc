"""How long builds took, and so how long the next will take: recorded in the warehouse, read from there.

Belongs here: the table `audit.builds`, and the straight line through what it holds. Not here: how many rows a
build reads (`planning.plan`). A build costs something however little it derives (dbt's start, the reports,
the tests, publishing), and something for each event that facts read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from orchestration.warehouse.engine import has_columns

MOST_BUILDS = 20
# Where no build is recorded yet: two cores of a laptop, the example company.
ASSUMED_START_SECONDS = 10.0
ASSUMED_ROWS_PER_SECOND = 50_000.0


@dataclass(frozen=True)
class BuildDuration:
    """One build: how many events its facts read, and how long all of it took, from the command to the end."""

    rows: int
    seconds: float


@dataclass(frozen=True)
class ExpectedDuration:
    """How long a build will take, and how many recorded builds say so; 0 where it is by an assumed rate."""

    seconds: float
    noted_builds: int


def record_duration(connection: duckdb.DuckDBPyConnection, duration: BuildDuration) -> None:
    """Remember how long a build took."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS audit.builds (ended_at TIMESTAMPTZ, rows_read BIGINT, seconds DOUBLE)"
    )
    connection.execute("INSERT INTO audit.builds VALUES (now(), ?, ?)", [duration.rows, duration.seconds])


def last_durations(connection: duckdb.DuckDBPyConnection) -> list[BuildDuration]:
    """Return how long the last builds took, newest first."""
    if not has_columns(connection, "audit.builds"):
        return []
    rows = connection.execute(
        "SELECT rows_read, seconds FROM audit.builds ORDER BY ended_at DESC LIMIT ?", [MOST_BUILDS]
    ).fetchall()
    return [BuildDuration(*row) for row in rows]


def expected_duration(rows: int, builds: Sequence[BuildDuration]) -> ExpectedDuration:
    """Return how long a build will take whose facts read so many events.

    Builds of different sizes give a line; builds of one size only give its slope, from an assumed start.
    """
    if not builds:
        return ExpectedDuration(ASSUMED_START_SECONDS + rows / ASSUMED_ROWS_PER_SECOND, 0)
    size = sum(build.rows for build in builds) / len(builds)
    seconds = sum(build.seconds for build in builds) / len(builds)
    spread = sum((build.rows - size) ** 2 for build in builds)
    if spread:
        together = sum((build.rows - size) * (build.seconds - seconds) for build in builds)
        slope = max(0.0, together / spread)
        start = seconds - slope * size
    else:
        start = min(ASSUMED_START_SECONDS, seconds) if size else seconds
        slope = (seconds - start) / size if size else 1 / ASSUMED_ROWS_PER_SECOND
    least = min(build.seconds for build in builds) / 2
    return ExpectedDuration(max(least, start + slope * rows), len(builds))

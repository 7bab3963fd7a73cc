"""How long builds took, and so how long the next will take: recorded in the warehouse, read from there.

Belongs here: the table `audit.builds`, and the straight line through what it holds. Not here: how many rows a
build reads (`planning.plan`). A build costs something however little it derives (dbt's start, the reports,
the tests, publishing), and something for each event that facts read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import duckdb

from orchestration.warehouse.engine import has_columns

MOST_BUILDS = 20
# Where no build is recorded yet: two cores of a laptop, the example company.
ASSUMED_START_SECONDS = 10.0
ASSUMED_ROWS_PER_SECOND = 50_000.0
LEAST_SPREAD = 0.2  # of the largest build: by how much two sizes differ to tell what an event costs


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
    """Return how long a build will take whose facts read so many events: a fixed cost, and one per event.

    Builds of different sizes give a line; builds of about one size only its slope, from an assumed start.
    """
    start, per_event = _costs(builds)
    least = min((build.seconds for build in builds), default=0.0) / 2
    return ExpectedDuration(max(least, start + per_event * rows), len(builds))


def _costs(builds: Sequence[BuildDuration]) -> tuple[float, float]:
    """Return what a build costs however little it reads, and what each event adds.

    Medians, not means: one build on a busy machine says nothing of the next one. Sizes that are nearly equal
    differ in time by chance alone, which would be multiplied for a build that is many times larger.
    """
    if not builds:
        return ASSUMED_START_SECONDS, 1 / ASSUMED_ROWS_PER_SECOND
    apart = max(build.rows for build in builds) * LEAST_SPREAD
    slopes = [
        (one.seconds - other.seconds) / (one.rows - other.rows)
        for one, other in combinations(builds, 2)
        if abs(one.rows - other.rows) > apart
    ]
    if slopes:
        per_event = max(0.0, median(slopes))
        start = median(build.seconds - per_event * build.rows for build in builds)
    else:
        size, seconds = (median(getattr(build, name) for build in builds) for name in ("rows", "seconds"))
        if not size:
            return seconds, 1 / ASSUMED_ROWS_PER_SECOND
        start = min(ASSUMED_START_SECONDS, seconds)
        per_event = (seconds - start) / size
    return start, per_event

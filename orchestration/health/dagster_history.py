"""What the Dagster instance of an installation remembers: runs, checks, and who beats.

Belongs here: reading its SQLite files, which takes a hundredth of what importing Dagster does. Not here: what
follows from it (`status`, `doctor`). Nothing is written; what can't be read is as if there were none.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.settings import Settings

RUNS, CHECKS = "history/runs.db", "history/runs/index.db"
FAILED, UNDER_WAY = "FAILURE", ("NOT_STARTED", "QUEUED", "STARTING", "STARTED", "CANCELING")


@dataclass(frozen=True)
class NewestRun:
    """The newest run of a job that has ended, or is under way."""

    job: str
    run_id: str
    status: str
    ended_at: datetime | None

    @property
    def has_failed(self) -> bool:
        """Whether it ended without doing what it was to do."""
        return self.status == FAILED


def newest_runs(settings: Settings) -> dict[str, NewestRun]:
    """The newest run of each job that somebody did not cancel, by the job's name."""
    rows = _ask(
        settings.dagster_home / RUNS,
        "SELECT pipeline_name, run_id, status, end_time FROM runs WHERE id IN "
        "(SELECT max(id) FROM runs WHERE status <> 'CANCELED' GROUP BY pipeline_name)",
    )
    return {job: NewestRun(job, run_id, status, _moment(end)) for job, run_id, status, end in rows}


def is_any_under_way(settings: Settings) -> bool:
    """Whether a run waits or is under way."""
    marks = ", ".join("?" * len(UNDER_WAY))
    query = f"SELECT 1 FROM runs WHERE status IN ({marks}) LIMIT 1"
    return bool(_ask(settings.dagster_home / RUNS, query, UNDER_WAY))


def failed_checks(settings: Settings, names: Sequence[str]) -> dict[str, datetime | None]:
    """Those of these checks that did not hold when they were looked at last, and when that was."""
    marks = ", ".join("?" * len(names))
    rows = _ask(
        settings.dagster_home / CHECKS,
        "SELECT check_name, execution_status, evaluation_event_timestamp FROM asset_check_executions "
        "WHERE id IN (SELECT max(id) FROM asset_check_executions "
        f"WHERE check_name IN ({marks}) AND execution_status <> 'PLANNED' GROUP BY check_name)",
        names,
    )
    return {name: _moment(at) for name, status, at in rows if status == "FAILED"}


def last_heartbeat(settings: Settings) -> datetime | None:
    """When the daemon of the instance was last seen at work; None where it never was."""
    rows = _ask(settings.dagster_home / RUNS, "SELECT max(timestamp) FROM daemon_heartbeats")
    return next((_moment(at) for (at,) in rows if at is not None), None)


def _ask(file: Path, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as history:
            return history.execute(query, values).fetchall()
    except sqlite3.Error:
        return []


def _moment(value: object) -> datetime | None:
    """A time as Dagster keeps it: seconds since 1970, or a text in UTC."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC) if value else None
    except (ValueError, OverflowError, OSError):
        return None

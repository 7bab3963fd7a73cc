"""Days as partitions: which days there are, and which days a window of them holds.

Belongs here: the one partitions definition, and every computation on its windows, as pure functions.
Not here: the assets that are partitioned. Windows are half-open, `[start, end)`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from event_archive.store.commit import Commit
from orchestration.assets.cursors import days_of_commits
from orchestration.settings import Settings


def first_day(settings: Settings, commits: Iterable[Commit], today: date) -> date:
    """Return the first partition: the setting, else the earliest day in the log, else 1 January of last year.

    A fixed early day would show years of empty partitions. The log is read when the definitions are loaded:
    days that land before the first one are kept by Dagster, and shown once the definitions are loaded again.
    """
    if settings.first_day is not None:
        return settings.first_day
    return min(days_of_commits(commits), default=date(today.year - 1, 1, 1))


def daily_partitions(settings: Settings, commits: Iterable[Commit]) -> dg.DailyPartitionsDefinition:
    """The partitions of everything daily; today is one of them, because its events land today."""
    start = first_day(settings, commits, datetime.now(UTC).date())
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), end_offset=1)


def days_of(window: dg.TimeWindow) -> list[date]:
    """The days of a window."""
    start = window.start.date()
    return [start + timedelta(days=days) for days in range((window.end.date() - start).days)]


def partition_of(days: Sequence[date], partitions: dg.DailyPartitionsDefinition) -> str:
    """The partition that a refresh runs as: the latest of these days that is a partition, else today."""
    for day in reversed(days):
        if partitions.has_partition_key(day.isoformat()):
            return day.isoformat()
    latest = partitions.get_last_partition_key()
    assert latest is not None
    return latest

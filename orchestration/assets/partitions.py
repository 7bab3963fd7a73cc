"""Days as partitions: which days there are, and which days a window of them holds.

Belongs here: the one partitions definition, and every computation on its windows, as pure functions.
Not here: the assets that are partitioned. Windows are half-open, `[start, end)`.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from event_archive.store.commit import Commit
from orchestration.assets.cursors import days_of_commits
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days


def first_day(settings: Settings, commits: Iterable[Commit], today: date) -> date:
    """Return the first partition: the setting, else the earliest day in the log, else today.

    A fixed early day would show years of empty partitions.
    """
    return settings.first_day or min(days_of_commits(commits), default=today)


def span_of_days(settings: Settings, commits: Iterable[Commit]) -> Days:
    """The days that are partitions: from the first one to that of the newest event.

    The clock decides nothing where there are events: a day that nothing is known of would look like one that
    is missing. The log is read when the definitions are loaded; they are loaded again once it has other days
    (`automation.sensors`).
    """
    first = first_day(settings, commits := list(commits), datetime.now(UTC).date())
    return Days(first, max([first, *days_of_commits(commits)]) + timedelta(days=1))


def daily_partitions(settings: Settings, commits: Iterable[Commit]) -> dg.DailyPartitionsDefinition:
    """The partitions of everything daily."""
    days = span_of_days(settings, commits)
    # The day of the newest event is a partition while it lasts.
    return dg.DailyPartitionsDefinition(
        start_date=days.first.isoformat(), end_date=days.end.isoformat(), end_offset=1
    )


def days_of(window: dg.TimeWindow) -> list[date]:
    """The days of a window."""
    start = window.start.date()
    return [start + timedelta(days=days) for days in range((window.end.date() - start).days)]

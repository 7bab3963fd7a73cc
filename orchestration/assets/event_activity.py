"""What the log says of each event type over time: rows per day and how late they came; no event is read.

Belongs here: these numbers, and what is odd about them. Not here: facts that are read from segments
(`event_partitions`), and how any of it is shown. No clock decides anything: what is new is so by the log.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from orchestration.planning.arrivals import arrivals

WEEKS, FEWEST_WEEKS, FEWEST_EVENTS = 4, 2, 20
LEAST_SHARE, MOST_SHARE = 0.5, 2.0
FEWEST_DAYS, PATIENCE = 3, 2

Judged = tuple[bool, str, Mapping[str, float]]
"""Whether something is odd, the comparison in words, and its numbers, which Dagster plots over time."""


@dataclass
class Activity:
    """The events of one type: how many per day, and how many by the days that they came late."""

    by_day: dict[date, int] = field(default_factory=dict)
    by_lateness: dict[int, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All events."""
        return sum(self.by_day.values())


def activities(commits: Sequence[Commit], contracts: Contracts) -> Mapping[str, Activity]:
    """Return the activity of each event type by its view; what a remap replaced counts as it came."""
    found: dict[str, Activity] = defaultdict(Activity)
    for arrival in arrivals(commits, contracts):
        activity, day, late = found[arrival.view], arrival.day, arrival.late_days
        if arrival.rows:
            activity.by_day[day] = activity.by_day.get(day, 0) + arrival.rows
            activity.by_lateness[late] = activity.by_lateness.get(late, 0) + arrival.rows
    return found


def newest_day(by_view: Mapping[str, Activity]) -> date | None:
    """The newest day of all events."""
    return max((day for activity in by_view.values() for day in activity.by_day), default=None)


def odd_volume(activity: Activity, newest: date) -> Judged:
    """Whether the last whole day has far fewer or more events than that weekday had, and the comparison.

    The newest day of the log may not be over, so it is the one before.
    """
    day = newest - timedelta(days=1)
    begins = min(activity.by_day, default=newest)
    before = [day - timedelta(weeks=weeks) for weeks in range(1, WEEKS + 1)]
    counts = [activity.by_day.get(other, 0) for other in before if other >= begins]
    now = activity.by_day.get(day, 0)
    if len(counts) < FEWEST_WEEKS:
        return False, f"{day}: not yet {FEWEST_WEEKS} weeks to compare with", {"events": now}
    usual = sum(counts) / len(counts)
    said = f"{day:%A} {day}: {now:,} events, where {len(counts)} weeks before had {usual:,.0f} on average"
    is_odd = usual >= FEWEST_EVENTS and not LEAST_SHARE * usual <= now <= MOST_SHARE * usual
    return is_odd, said, {"events": now, "weeks before": usual}


def is_overdue(activity: Activity, newest: date) -> Judged:
    """Whether a type has been silent for much longer than it ever was, by the time of the data."""
    days = sorted(activity.by_day)
    silent = (newest - days[-1]).days if days else 0
    if len(days) < FEWEST_DAYS:
        numbers = {"days with events": len(days), "days silent": silent}
        return False, "too few days with events to tell", numbers
    longest = max((later - earlier).days for earlier, later in pairwise(days))
    said = (
        f"the newest event is of {days[-1]}, {silent} day(s) before the newest of all types ({newest}); "
        f"the longest pause was {longest} day(s)"
    )
    return silent > PATIENCE * longest, said, {"days silent": silent, "longest pause": longest}

"""What commits bring, and which days of which models that affects; from the log and dbt's graph alone.

Belongs here: arrivals (rows of an event type on a day, by one commit, and how late), as pure functions.
Not here: what models are derived from (`dbt.graph`), what is done about it (`refresh`, `assets.models`), and
which commits are new (`assets.cursors`). No window and no clock bounds anything here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from event_archive.views.day_facts import with_latest_day
from orchestration.dbt.graph import Manifest, is_daily, models, views_of


@dataclass(frozen=True)
class Arrival:
    """The rows of one event type (its view) on one day that one commit brought.

    `late_days`: how many days before the latest day that any earlier commit held; 0 where it is not late.
    """

    view: str
    day: date
    rows: int
    late_days: int
    sequence: int
    landed_at: datetime
    origin: str


def arrivals(commits: Sequence[Commit], contracts: Contracts, after: int = 0) -> list[Arrival]:
    """List what the commits after a sequence brought, in their order; `commits` is the log from its start.

    All majors of a type arrive as one view. A type without a contract has no view, so nobody reads it.
    """
    found: list[Arrival] = []
    for commit, latest in with_latest_day(commits):
        rows: dict[tuple[str, date], int] = {}
        for segment in commit.segments if commit.sequence > after else ():
            if contract := contracts.get(segment.type):
                for day, number in segment.days.items():
                    place = contract.view_name, date.fromisoformat(day)
                    rows[place] = rows.get(place, 0) + number
        came = commit.sequence, commit.landed_at, commit.origin
        for (view, on), number in sorted(rows.items()):
            found.append(Arrival(view, on, number, max(0, (latest - on).days), *came))
    return found


def affected_days(manifest: Manifest, brought: Iterable[Arrival]) -> dict[str, list[date]]:
    """List, per daily model by its unique id, the days on which events arrived that it is derived from.

    A model that none of them feeds is left out.
    """
    days: dict[str, set[date]] = {}
    for arrival in brought:
        days.setdefault(arrival.view, set()).add(arrival.day)
    found = {}
    for unique_id, node in models(manifest).items():
        if is_daily(node) and (of_model := days_of_views(days, views_of(manifest, unique_id))):
            found[unique_id] = of_model
    return found


def days_of_views(days: Mapping[str, Collection[date]], views: Iterable[str]) -> list[date]:
    """Join the days of several views, in order."""
    return sorted({day for view in views for day in days.get(view, ())})

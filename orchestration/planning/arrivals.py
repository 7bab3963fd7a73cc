"""What commits bring, and on which days of which models; from the log and dbt's graph alone.

Belongs here: arrivals (rows of an event type on a day, by one commit, and how late), as pure functions.
Not here: what models are derived from (`dbt.graph`), what is done about it (`refresh`, `assets.models`), and
which commits are new (`assets.cursors`). No window and no clock bounds anything here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from event_archive.registry.contract import Contracts
from event_archive.store.commit import REMAP, Commit
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
    """Return what the commits after a sequence brought, in their order; `commits` is the log from its start.

    All majors of a type arrive as one view. A type without a contract has no view, so nobody reads it.
    """
    arrived: list[Arrival] = []
    for commit, latest in with_latest_day(commits):
        rows: dict[tuple[str, date], int] = {}
        segments = [(segment, 1) for segment in commit.segments]
        # What a remap replaces was of other days, perhaps, or of other keys: these are derived again as well.
        segments += [(segment, 0) for segment in commit.replaces]
        for segment, counted in segments if commit.sequence > after else ():
            if contract := contracts.get(segment.type):
                for day, number in segment.days.items():
                    view_day = contract.view_name, date.fromisoformat(day)
                    rows[view_day] = rows.get(view_day, 0) + number * counted
        origin = commit.sequence, commit.landed_at, commit.origin
        for (view, day_of_events), number in sorted(rows.items()):
            late_days = 0 if commit.kind == REMAP else max(0, (latest - day_of_events).days)
            arrived.append(Arrival(view, day_of_events, number, late_days, *origin))
    return arrived


def arrival_days(manifest: Manifest, arrived: Iterable[Arrival]) -> dict[str, list[date]]:
    """Return, per daily model by its unique id, the days on which events arrived that it is derived from.

    A model that none of them feeds is left out.
    """
    days: dict[str, set[date]] = {}
    for arrival in arrived:
        days.setdefault(arrival.view, set()).add(arrival.day)
    days_by_model = {
        unique_id: days_of_views(days, views_of(manifest, unique_id))
        for unique_id, node in models(manifest).items()
        if is_daily(node)
    }
    return {unique_id: of_model for unique_id, of_model in days_by_model.items() if of_model}


def days_of_views(days: Mapping[str, Collection[date]], views: Iterable[str]) -> list[date]:
    """The days of several views, in order."""
    return sorted({day for view in views for day in days.get(view, ())})

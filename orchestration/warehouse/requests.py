"""What the warehouse is to derive again besides what landed: days that are replayed, models of other code.

Belongs here: the tables `audit.replay` and `audit.derive_again`, which dbt's macros read. A request stays in
the warehouse until a build has fulfilled it, so that whoever builds after one that was killed completes it.
Also which days a sample is drawn of (`audit.sampled_days`). Not here: why something is to be derived again
(`model_code`, the command line, Dagster), and how (dbt's macros).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from event_archive.store.commit import Commit, segments_of
from event_archive.store.durable import make_durable_folder
from orchestration.settings import Settings
from orchestration.warehouse.engine import has_columns, in_one_transaction, open_warehouse

EVERYTHING = "*"


@dataclass(frozen=True, order=True)
class Days:
    """A half-open range of days, [first, end)."""

    first: date
    end: date

    @property
    def length(self) -> int:
        """How many days these are."""
        return (self.end - self.first).days

    def __contains__(self, day: date) -> bool:
        return self.first <= day < self.end

    def each(self) -> list[date]:
        """The days, in order."""
        return [self.first + timedelta(days=days) for days in range(self.length)]

    def __str__(self) -> str:
        return self.first.isoformat() if self.length == 1 else f"[{self.first}, {self.end})"


def ranges(days: Iterable[date]) -> list[Days]:
    """Join single days to ranges without overlap, in order."""
    joined: list[Days] = []
    for day in sorted(set(days)):
        if joined and joined[-1].end == day:
            joined[-1] = Days(joined[-1].first, day + timedelta(days=1))
        else:
            joined.append(Days(day, day + timedelta(days=1)))
    return joined


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of requests where there are none yet."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS audit")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS audit.replay (request VARCHAR, first_day DATE, end_day DATE)"
    )
    connection.execute("CREATE TABLE IF NOT EXISTS audit.derive_again (model VARCHAR)")
    connection.execute("CREATE TABLE IF NOT EXISTS audit.sampled_days (day DATE)")


def request_sample(connection: duckdb.DuckDBPyConnection, days: Iterable[date]) -> None:
    """Ask a build from nothing for no more than the keys that have events on these days; of none, for all."""
    create_tables(connection)
    connection.execute("DELETE FROM audit.sampled_days")
    for day in sorted(set(days)):
        connection.execute("INSERT INTO audit.sampled_days VALUES (?)", [day])


def request_replay(settings: Settings, request: str, days: Iterable[Days]) -> None:
    """Ask the next build to derive the keys again that have events on these days.

    `request` names who asks, so that a build of a part of the models can take back its own. Needs the lock of
    the warehouse.
    """
    make_durable_folder(settings.warehouse.parent)
    with open_warehouse(settings) as connection, in_one_transaction(connection):
        create_tables(connection)
        rows = connection.execute("SELECT first_day, end_day FROM audit.replay WHERE request = ?", [request])
        for new in sorted(set(days) - {Days(*row) for row in rows.fetchall()}):
            connection.execute("INSERT INTO audit.replay VALUES (?, ?, ?)", [request, new.first, new.end])


def request_rebuild(connection: duckdb.DuckDBPyConnection, models: Iterable[str]) -> None:
    """Ask the next build to derive these models from nothing; they are named by their unique id in dbt."""
    create_tables(connection)
    for model in sorted(set(models) - requested_rebuilds(connection)):
        connection.execute("INSERT INTO audit.derive_again VALUES (?)", [model])


def requested_rebuilds(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The models that the next build derives from nothing; `EVERYTHING` stands for all of them."""
    if not has_columns(connection, "audit.derive_again"):
        return set()
    return {model for (model,) in connection.execute("SELECT model FROM audit.derive_again").fetchall()}


def derives_everything(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the next build derives a model from nothing, so that all rests on what is read now."""
    return bool(requested_rebuilds(connection)) or not has_columns(connection, "audit.build")


def requested_days(connection: duckdb.DuckDBPyConnection) -> list[Days]:
    """The days that a build was asked to replay and has not, because it was killed or failed."""
    if not has_columns(connection, "audit.replay"):
        return []
    rows = connection.execute("SELECT first_day, end_day FROM audit.replay ORDER BY ALL").fetchall()
    return [Days(first, end) for first, end in rows]


def hold_most_events(ranges_of_days: Iterable[Days], commits: Sequence[Commit]) -> bool:
    """Whether most events lie on these days. Then deriving everything from nothing takes less time.

    Half of the keys of 20 million events take as long as all of them from nothing, where nothing is looked up
    and nothing deleted.
    """
    replayed = list(ranges_of_days)
    on_them = in_all = 0
    for segment in segments_of(commits) if replayed else ():
        for day, rows in segment.days.items():
            in_all += rows
            on_them += rows if any(date.fromisoformat(day) in days for days in replayed) else 0
    return 2 * on_them > in_all


def pending(settings: Settings) -> list[Days]:
    """The days that a build has still to replay; needs the lock of the warehouse."""
    if not settings.warehouse.is_file():
        return []
    with open_warehouse(settings, read_only=True) as connection:
        return requested_days(connection)


def mark_fulfilled(
    connection: duckdb.DuckDBPyConnection, models: Iterable[str], *, everything: bool, request: str | None
) -> None:
    """Remove the requests that a build has fulfilled.

    `models`: those that it derived; `everything`: it was of all facts, so that no request is left.
    """
    create_tables(connection)
    if everything:
        connection.execute("DELETE FROM audit.replay")
        connection.execute("DELETE FROM audit.derive_again")
        return
    connection.execute("DELETE FROM audit.replay WHERE request = ?", [request])
    for model in models:
        connection.execute("DELETE FROM audit.derive_again WHERE model = ?", [model])

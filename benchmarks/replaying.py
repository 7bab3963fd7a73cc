"""Replaying: what refreshes, backfills and builds from nothing cost, and how that grows with the archive.

Belongs here: what is measured and how. Not here: making archives (`large_archive`), and the rival's SQL
(`marts.sql`). Each size has an archive of its own; what is compared is measured in one run, in processes of
their own, whose peak memory is theirs and their children's. Figures give every size: that is how it grows.
"""

import shutil
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import duckdb

from benchmarks.large_archive import LargeArchive, large_archive
from benchmarks.measurement import Measurement
from benchmarks.processes import FACTLOG, Server, Spent, bare_dbt, dbt_server, spent, spent_on_company
from benchmarks.refreshing import FEW, MANY, rated_again
from event_archive import land
from event_archive.decoding.sources import find_sources
from event_archive.sql_text import literal, quoted
from orchestration.dataset.tables import relation
from orchestration.dbt.process import run_dbt
from orchestration.settings import Settings
from orchestration.warehouse.engine import limit_engine

SIZES = (1_000_000, 2_000_000, 4_000_000, 20_000_000)
ROUNDS = 3
SCATTERED = 40
RIVAL = Path(__file__).with_name("marts.sql")
RIVAL_PROCESS = "import sys; from benchmarks.replaying import build_by_hand; build_by_hand(*sys.argv[1:])"


@dataclass(frozen=True)
class Costs:
    """What everything cost on an archive of one size."""

    by_hand: Spent
    from_nothing: Spent
    bare_build: Spent
    all_days: Spent
    one_day: Spent
    scattered_days: Spent
    nothing: Spent
    few: Spent
    many: Spent
    few_served: Spent
    many_served: Spent


def replaying(folder: Path, share: float) -> list[Measurement]:
    """Measure on every size, and compare."""
    costs = {size: costs_of(large_archive(folder, int(size * share)), int(MANY * share)) for size in SIZES}
    small, medium, large = (costs[size] for size in SIZES[1:])

    def grown(figure: Callable[[Costs], str]) -> str:
        return ", ".join(f"{size * share / 1e6:g} M: {figure(cost)}" for size, cost in costs.items())

    def ratio(
        name: str, bound: float, what: Callable[[Costs], Spent], against: Callable[[Costs], Spent]
    ) -> Measurement:
        figures = grown(lambda cost: f"{what(cost)} against {against(cost)}")
        return Measurement(name, what(large).seconds / against(large).seconds, "<=", bound, figures)

    def refreshed(after: str, bound: float, what: Callable[[Costs], Spent]) -> Measurement:
        return Measurement(
            f"refresh of 4 million after {after}: CPU, times a bare dbt build",
            what(medium).cpu / medium.bare_build.cpu,
            "<=",
            bound,
            grown(lambda cost: f"{what(cost).cpu:.1f} s of CPU against {cost.bare_build.cpu:.1f} s"),
        )

    return [
        refreshed("nothing", 0.08, lambda cost: cost.nothing),
        refreshed(f"{FEW} events of one type", 0.55, lambda cost: cost.few),
        refreshed(f"{FEW} events, with a server of dbt", 0.45, lambda cost: cost.few_served),
        refreshed(f"{MANY:,} events", 0.8, lambda cost: cost.many),
        refreshed(f"{MANY:,} events, with a server of dbt", 0.7, lambda cost: cost.many_served),
        Measurement(
            f"refresh after {MANY:,} events: on 20 million, times that on 2 million",
            large.many.seconds / small.many.seconds,
            "<=",
            1.7,
            grown(lambda cost: str(cost.many)),
        ),
        ratio(
            "all days of a year again in one run: times a bare dbt build",
            1.4,
            lambda cost: cost.all_days,
            lambda cost: cost.bare_build,
        ),
        ratio(
            f"{SCATTERED} scattered days again in one run: times one day",
            1.5,
            lambda cost: cost.scattered_days,
            lambda cost: cost.one_day,
        ),
        ratio(
            "all marts from nothing: times a script by hand",
            1.4,
            lambda cost: cost.from_nothing,
            lambda cost: cost.by_hand,
        ),
        Measurement(
            "all marts from nothing: GB of memory",
            large.from_nothing.peak,
            "<=",
            4.0,
            grown(lambda cost: f"{cost.from_nothing.peak:.1f} GB"),
        ),
    ]


def costs_of(archive: LargeArchive, new: int) -> Costs:
    """Measure everything on one archive, where so many events land; the archive alone is left."""
    settings = Settings(home=archive.home)
    first, end = archive.scenario.first_day, archive.scenario.last_day
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    scattered = days[:: max(1, len(days) // SCATTERED)][:SCATTERED]
    run_dbt(settings, ["parse"])
    rival = settings.home / "by-hand.duckdb"
    by_hand = spent(
        [sys.executable, "-c", RIVAL_PROCESS, str(settings.home), str(rival)],
        settings.dbt_project.parent,
        settings.environment() | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    from_nothing = spent_on_company(bare_dbt(settings, "run"), settings)
    same_rows(settings.warehouse, rival)
    bare_build = spent_on_company(bare_dbt(settings, "build"), settings)
    refresh = partial(spent_on_company, [*FACTLOG, "refresh"], settings)
    refresh()
    news = News(settings, archive, new)
    nothing = median(refresh)
    few, many = median(lambda: refresh(news.few())), median(lambda: refresh(news.many()), rounds=2)
    with dbt_server(settings) as server:
        few_served = median(lambda: refresh(news.few(server)))
        many_served = refresh(news.many(server))  # there are no more
    costs = Costs(
        by_hand=by_hand,
        from_nothing=from_nothing,
        bare_build=bare_build,
        all_days=spent_on_company([*FACTLOG, "replay", "--from", str(first), "--to", str(end)], settings),
        one_day=median(lambda: spent_on_company(replay_of(days[len(days) // 2 :][:1]), settings)),
        scattered_days=median(lambda: spent_on_company(replay_of(scattered), settings)),
        nothing=nothing,
        few=few,
        many=many,
        few_served=few_served,
        many_served=many_served,
    )
    for path in (settings.published, settings.dbt_target):
        shutil.rmtree(path)
    for file in (settings.warehouse, rival):
        file.unlink()
    return costs


class News:
    """Events that land after the archive was made; each method returns the server of dbt that it got."""

    def __init__(self, settings: Settings, archive: LargeArchive, new: int) -> None:
        self._settings, self._archive, self._new = settings, archive, new
        self._numbers, self._fewer = count(), count()

    def many(self, server: Server = None) -> Server:
        """The next ones, of all types."""
        return self._land(self._archive.next_landing(next(self._numbers), self._new), server)

    def few(self, server: Server = None) -> Server:
        """Twenty ratings, of translations that are rated on the next day."""
        number = next(self._fewer)
        lines = self._archive.next_landing(0, self._new).read_bytes().splitlines()
        path = self._settings.home / f"few-{number}.ndjson"
        path.write_text(rated_again(lines, FEW, f"few-{number}"))
        return self._land(path, server)

    def _land(self, path: Path, server: Server) -> Server:
        [source] = find_sources([str(path)])
        # The archive was made with the times of its days, which are as long ago as they are.
        limits = replace(self._settings.limits, accepts_clock=True)
        counts = land(self._settings.open_archive(), source, limits=limits).counts
        assert counts.accepted == counts.received > 0
        return server


def median(measure: Callable[[], Spent], rounds: int = ROUNDS) -> Spent:
    """Measure some times."""
    measured = [measure() for _ in range(rounds)]
    return Spent(
        seconds=statistics.median(each.seconds for each in measured),
        cpu=statistics.median(each.cpu for each in measured),
        peak=max(each.peak for each in measured),
    )


def replay_of(days: Sequence[date]) -> list[str]:
    """The command that replays these days."""
    return [*FACTLOG, "replay", "--days", ",".join(map(str, days))]


def build_by_hand(home: str, file: str) -> None:
    """Run the rival's script, with what dbt's DuckDB may use."""
    settings = Settings(home=Path(home))
    Path(file).unlink(missing_ok=True)
    with closing(duckdb.connect(file)) as connection:
        limit_engine(connection, settings, Path(file))
        connection.execute(f"SET VARIABLE events = {literal(str(settings.archive_root / 'events'))}")
        connection.execute(RIVAL.read_text())


def same_rows(warehouse: Path, rival: Path) -> None:
    """Make sure that both hold the same rows; the rival has no columns that say when something landed."""
    with closing(duckdb.connect()) as connection:
        connection.execute(f"ATTACH {literal(str(warehouse))} AS warehouse (READ_ONLY)")
        connection.execute(f"ATTACH {literal(str(rival))} AS rival (READ_ONLY)")
        for table, columns in tables_of(connection).items():
            listed = ", ".join(map(quoted, columns))
            ours, theirs = (
                connection.execute(
                    f"SELECT count(*), sum(hash({listed})) FROM {relation(table, database)}"
                ).fetchone()
                for database in ("warehouse", "rival")
            )
            if ours != theirs:
                raise SystemExit(f"{table} is not the same by hand: {ours} against {theirs}")


def tables_of(connection: duckdb.DuckDBPyConnection) -> Mapping[str, list[str]]:
    """The rival's tables and their columns."""
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) "
        "FROM duckdb_columns() WHERE database_name = 'rival' AND NOT internal GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return dict(rows)

"""Replaying: what refreshes, backfills and builds from nothing cost, and how that grows with the archive.

Belongs here: what is measured and how. Not here: making archives (`large_archive`), and the rival's SQL
(`marts.sql`). Each size has an archive of its own; what is compared is measured in one run, in processes of
their own, whose peak memory is theirs and their children's. Figures give every size: that is how it grows.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.large_archive import LargeArchive, large_archive
from benchmarks.measurement import Measurement
from benchmarks.refreshing import FACTLOG
from event_archive import land
from event_archive.decoding.sources import find_sources
from event_archive.sql_text import literal, quoted
from orchestration.dataset.tables import relation
from orchestration.dbt.process import dbt_executable, run_dbt
from orchestration.settings import Settings
from orchestration.warehouse.engine import limit_engine

SIZES = (1_000_000, 2_000_000, 4_000_000, 20_000_000)
ROUNDS = 3
SCATTERED = 40
RIVAL = Path(__file__).with_name("marts.sql")
RIVAL_PROCESS = "import sys; from benchmarks.replaying import build_by_hand; build_by_hand(*sys.argv[1:])"


@dataclass(frozen=True)
class Spent:
    """What a process and its children took; `cpu`: seconds of the processor; `peak`: gigabytes of memory."""

    seconds: float
    cpu: float
    peak: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.cpu:.1f} s of CPU)"


@dataclass(frozen=True)
class Costs:
    """What everything cost on an archive of one size."""

    by_hand: Spent
    from_nothing: Spent
    bare_build: Spent
    all_days: Spent
    one_day: Spent
    scattered_days: Spent
    refresh: Spent


def replaying(folder: Path, share: float) -> list[Measurement]:
    """Measure on every size, and compare."""
    costs = {size: costs_of(large_archive(folder, int(size * share))) for size in SIZES}
    small, large = costs[SIZES[1]], costs[SIZES[-1]]

    def grown(figure: Callable[[Costs], str]) -> str:
        return ", ".join(f"{size * share / 1e6:g} M: {figure(cost)}" for size, cost in costs.items())

    def ratio(
        name: str, bound: float, what: Callable[[Costs], Spent], against: Callable[[Costs], Spent]
    ) -> Measurement:
        figures = grown(lambda cost: f"{what(cost)} against {against(cost)}")
        return Measurement(name, what(large).seconds / against(large).seconds, "<=", bound, figures)

    return [
        Measurement(
            "refresh after 10,000 events: on 20 million, times that on 2 million",
            large.refresh.seconds / small.refresh.seconds,
            "<=",
            1.5,
            grown(lambda cost: str(cost.refresh)),
        ),
        ratio(
            "all days of a year again in one run: times a bare dbt build",
            1.3,
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
            1.5,
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


def costs_of(archive: LargeArchive) -> Costs:
    """Measure everything on one archive; all but the archive is removed before and after."""
    settings = Settings(home=archive.home)
    first, end = archive.scenario.first_day, archive.scenario.last_day
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    scattered = days[:: max(1, len(days) // SCATTERED)][:SCATTERED]
    run_dbt(settings, ["parse"])
    rival = settings.home / "by-hand.duckdb"
    by_hand = spent([sys.executable, "-c", RIVAL_PROCESS, str(settings.home), str(rival)], settings)
    from_nothing = spent(bare_dbt(settings, "run"), settings)
    same_rows(settings.warehouse, rival)
    bare_build = spent(bare_dbt(settings, "build"), settings)
    spent([*FACTLOG, "refresh"], settings)
    costs = Costs(
        by_hand=by_hand,
        from_nothing=from_nothing,
        bare_build=bare_build,
        all_days=spent([*FACTLOG, "replay", "--from", str(first), "--to", str(end)], settings),
        one_day=median(lambda: spent(replay_of(days[len(days) // 2 :][:1]), settings)),
        scattered_days=median(lambda: spent(replay_of(scattered), settings)),
        refresh=median(refreshes(settings, archive)),
    )
    for path in (settings.published, settings.dbt_target):
        shutil.rmtree(path)
    for file in (settings.warehouse, rival):
        file.unlink()
    return costs


def refreshes(settings: Settings, archive: LargeArchive) -> Callable[[], Spent]:
    """A refresh after the next ten thousand events have landed."""
    numbers = iter(range(ROUNDS))

    def land_and_refresh() -> Spent:
        [source] = find_sources([str(archive.next_landing(next(numbers)))])
        # The archive was made with the times of its days, which are as long ago as they are.
        land(settings.open_archive(), source, limits=replace(settings.limits, accepts_clock=True))
        return spent([*FACTLOG, "refresh"], settings)

    return land_and_refresh


def median(measure: Callable[[], Spent]) -> Spent:
    """Measure some times."""
    rounds = [measure() for _ in range(ROUNDS)]
    return Spent(
        seconds=statistics.median(spent.seconds for spent in rounds),
        cpu=statistics.median(spent.cpu for spent in rounds),
        peak=max(spent.peak for spent in rounds),
    )


def replay_of(days: Sequence[date]) -> list[str]:
    """The command that replays these days."""
    return [*FACTLOG, "replay", "--days", ",".join(map(str, days))]


def bare_dbt(settings: Settings, command: str) -> list[str]:
    """The command of dbt itself, on all models from nothing."""
    words = [dbt_executable(), "--quiet", command, "--full-refresh"]
    words += ["--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)]
    return [*words, "--target-path", str(settings.dbt_target), "--log-path", str(settings.dbt_target)]


def spent(command: Sequence[str], settings: Settings) -> Spent:
    """Run a command to its end."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        env=settings.environment() | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        cwd=settings.dbt_project.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[1:]} failed; try it with FACTLOG_HOME={settings.home}")
    cpu = usage.ru_utime + usage.ru_stime
    return Spent(time.perf_counter() - started, cpu, usage.ru_maxrss / 1e6)


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

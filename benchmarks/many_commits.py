"""Many commits: what an archive costs that has been landed into a hundred times, a thousand, ten thousand.

Belongs here: such archives, and what is measured of each. Not here: many events (`replaying`), and many files
that land at once (`many_files`).

Each commit holds one event in a segment of its own, as a landing every few minutes leaves them on a quiet
day. The segments are written by the archive's own writer; what is measured is what a person types.
"""

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.event_stream import write_requests
from benchmarks.large_archive import CONTRACTS, commit_files, index_keys
from benchmarks.measurement import Measurement
from benchmarks.processes import FACTLOG, spent
from event_archive import Archive, Limits, Source, land
from event_archive.envelope import CORRECTIONS
from event_archive.landing.segment_file import event_columns, write_segment
from event_archive.registry.contract import load_contracts
from event_archive.store.commit import segments_of
from orchestration.settings import Settings

EVENT_TYPE = "translation.requested.v2"
FIRST_LANDING = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (100, 1_000, 10_000)
COUNT_EVENTS = "SELECT count(*) FROM events.all_events"
ROUNDS = 3
BOUNDS: Mapping[str, float] = {
    "land 20 events": 12,
    "log -n 5": 8,
    "status": 6,
    "query --archive": 20,
    "verify": 60,
}


def archives_of_many_commits(folder: Path, share: float) -> list[Measurement]:
    """CPU seconds of commands on the largest archive, times those on the smallest."""
    sizes = [max(10, int(size * share)) for size in SIZES]
    taken: dict[str, list[float]] = {name: [] for name in BOUNDS}
    for commits in sizes:
        settings = Settings(home=_archive(folder / f"commits-{commits}", commits))
        for name, seconds in _spent(settings, commits).items():
            taken[name].append(seconds)
    labels = ", ".join(f"{size:,}" for size in sizes)
    return [
        Measurement(
            f"`factlog {name}`, {sizes[-1]:,} commits: CPU, times {sizes[0]:,} commits",
            seconds[-1] / seconds[0],
            "<=",
            BOUNDS[name],
            f"{', '.join(f'{value:.2f}' for value in seconds)} s of CPU at {labels} commits",
        )
        for name, seconds in taken.items()
    ]


def _spent(settings: Settings, commits: int) -> dict[str, float]:
    landings = iter(range(ROUNDS))

    def next_file() -> str:
        number = commits + 20 * next(landings)
        return str(write_requests(settings.home / f"next-{number}.ndjson", 20, first=number))

    typed: dict[str, Callable[[], list[str]]] = {
        "land 20 events": lambda: ["land", next_file()],
        "log -n 5": lambda: ["log", "-n", "5"],
        "status": lambda: ["status"],
        "query --archive": lambda: ["query", "--archive", COUNT_EVENTS],
        "verify": lambda: ["verify"],
    }
    return {
        name: min(
            spent([*FACTLOG, *words()], settings.home, settings.environment()).cpu for _ in range(ROUNDS)
        )
        for name, words in typed.items()
    }


def _archive(home: Path, commits: int) -> Path:
    """Make an archive in a home: a commit a quarter of an hour."""
    home.mkdir(parents=True)
    archive = Archive(home / "archive", load_contracts(CONTRACTS), may_create=True)
    archive.log.move_anchor()
    events = _events(home, commits)
    contract = archive.contracts[EVENT_TYPE]
    place = (np.ones(1, np.int64), np.ones(1, np.int64))
    for number in range(commits):
        written = write_segment(events.slice(number, 1), place, contract, home / "segment.parquet")
        landed_at = FIRST_LANDING + number * timedelta(minutes=15)
        commit_files(archive, landed_at, f"requests-{number}.ndjson", [written])
    index_keys(archive, home)
    return home


def _events(home: Path, count: int) -> pa.Table:
    """Typed events, as a landing makes them: taken from one."""
    once = Archive(home / "once", load_contracts(CONTRACTS), may_create=True)
    file = write_requests(home / "once.ndjson", count)
    land(once, Source(file.name, file), limits=Limits(threads=2))
    places = [once.storage.location(segment.path) for segment in segments_of(once.log.commits())]
    table = pa.concat_tables(pq.read_table(place) for place in places)
    shutil.rmtree(once.root)
    nothing = pa.nulls(len(table), pa.string())
    columns = {
        name: nothing if name in CORRECTIONS else table[name]
        for name in event_columns(once.contracts[EVENT_TYPE])
    }
    return pa.table({"n": pa.array(np.zeros(len(table), np.int64))} | columns)

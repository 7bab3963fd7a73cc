"""Whether the facts that are served come out of the log again, for the keys of a few days drawn by lot.

Belongs here: drawing the days, deriving the keys of facts that have events on them, and comparing. Not here:
the whole dataset (`verify`), and when it is done (`automation.nightly_checks`).

The facts are derived from nothing, in a scratch warehouse: each of the keys that have or had an event on
these days, from all events of theirs. Replaying the days in a copy of the warehouse would prove nothing:
which keys a replay derives is decided by the same incremental code, and by how far the copy says that it has
read. Here nothing is taken from an earlier build. Only the fact knows which keys an event has, so its
materialization draws them (the package's macro `find_sampled_keys`). A row of a key that never had any event
is in no sample.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from event_archive.sql_text import quoted
from event_archive.store.commit import Commit, segments_of
from orchestration.dataset.compare import WHOLE, DayDifference, count_by_day, pair_tables
from orchestration.dataset.tables import relation
from orchestration.dataset.versions import Version, intact_file
from orchestration.dbt.graph import Manifest, day_columns, fact_key, facts, table_of
from orchestration.dbt.process import load_manifest
from orchestration.full_disk import full_disk_in_one_line
from orchestration.replay.verify import PUBLISHED, REPLAYED, open_both, served_of_log
from orchestration.settings import Settings
from orchestration.warehouse.scratch import derive, scratch_folder


@dataclass(frozen=True)
class Fact:
    """A published fact: its name in dbt, its table, and the columns of its key and of a row's day."""

    model: str
    table: str
    key: tuple[str, ...]
    day: str | None

    @property
    def drawn(self) -> str:
        """The table of its keys that were drawn, as SQL."""
        return f"{REPLAYED}.audit.{quoted(f'sampled keys of {self.table}')}"


@dataclass(frozen=True)
class SampleVerification:
    """What was drawn, how much was compared, and what differs, by table."""

    version: int
    sequence: int
    seed: str
    days: tuple[date, ...]
    keys: int
    rows: Mapping[str, int]
    differences: Mapping[str, Sequence[DayDifference]]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every row that was looked at is the same."""
        return not self.differences


def verify_sample(settings: Settings, *, seed: str, number_of_days: int) -> SampleVerification:
    """Derive the keys of a few days again from nothing, and compare with the served version."""
    started = time.monotonic()
    archive = settings.open_archive()
    version = served_of_log(settings, archive)
    seed = f"{seed} {version.log_digest}"
    days = draw_days(archive.log.commits(version.sequence), seed, number_of_days)
    compared = published_facts(load_manifest(settings), version)
    keys, rows, differences = 0, dict[str, int](), dict[str, Sequence[DayDifference]]()
    if days and compared:
        with scratch_folder(settings) as scratch:
            select = [f"+{fact.model}" for fact in compared]
            built = derive(
                settings, archive.contracts, scratch, cut=version.sequence, sample_days=days, select=select
            )
            published, replayed = intact_file(settings, version), built.settings.warehouse
            with (
                full_disk_in_one_line("comparing"),
                open_both(settings, published, replayed) as connection,
            ):
                for fact in compared:
                    keys += count(connection, fact.drawn)
                    rows[fact.table] = count(connection, relation(fact.table, REPLAYED))
                    if days_differing := fact_differences(connection, fact):
                        differences[fact.table] = days_differing
    return SampleVerification(
        version=version.number,
        sequence=version.sequence,
        seed=seed,
        days=tuple(days),
        keys=keys,
        rows=rows,
        differences=differences,
        seconds=time.monotonic() - started,
    )


def draw_days(commits: Sequence[Commit], seed: str, number: int) -> list[date]:
    """Draw days that hold events; the same seed over the same log draws the same."""
    held = sorted({day for segment in segments_of(commits) for day in segment.days})
    drawn = random.Random(seed).sample(held, min(number, len(held)))
    return sorted(map(date.fromisoformat, drawn))


def published_facts(manifest: Manifest, version: Version) -> list[Fact]:
    """Return the facts that analysts read."""
    days = day_columns(manifest)
    published = []
    for node in facts(manifest).values():
        table = table_of(node)
        if table in version.tables:
            published.append(Fact(node["name"], table, fact_key(node), days.get(table)))
    return sorted(published, key=lambda fact: fact.table)


def fact_differences(connection: duckdb.DuckDBPyConnection, fact: Fact) -> list[DayDifference]:
    """Compare the rows of the keys that were drawn; all, where the published ones have another key."""
    pair = pair_tables(connection, fact.table, PUBLISHED, REPLAYED)
    day = fact.day if fact.day in pair.types_b else None
    same = " AND ".join(
        f"drawn.{quoted(column)} IS NOT DISTINCT FROM {WHOLE}.{quoted(column)}" for column in fact.key
    )
    of_sample = f"EXISTS (SELECT 1 FROM {fact.drawn} AS drawn WHERE {same})"
    has_key = set(fact.key) <= set(pair.types_a)
    return count_by_day(connection, pair, day, where=of_sample if has_key else "TRUE")


def count(connection: duckdb.DuckDBPyConnection, rows_of: str) -> int:
    """Count the rows of a table, given as SQL."""
    row = connection.execute(f"SELECT count(*) FROM {rows_of}").fetchone()
    assert row is not None
    return int(row[0])

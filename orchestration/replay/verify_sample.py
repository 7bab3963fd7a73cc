"""Whether the facts that are served come out of the log again, for the objects of a few days drawn by lot.

Belongs here: drawing the days, deriving the facts of the objects that have events on them, and comparing.
Not here: the whole dataset (`verify`), and when it is done (`automation.nightly_checks`).

The facts are derived from nothing, in a scratch warehouse that sees only those objects. Replaying the days in
a copy of the warehouse would be shorter to write, and would prove nothing: which keys a replay derives is
decided by the same incremental code, and by how far the copy says that it has read. Here nothing is taken
from an earlier build, and the models take their other branch, the one that builds from nothing. A fact may be
cut down to objects because it derives each key, which is an object's id, from that object's events alone.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from event_archive.sql_text import quoted
from event_archive.store.commit import Commit
from event_archive.views.sample import SAMPLED
from event_archive.views.segment_sql import SCHEMA
from orchestration.dataset.compare import DayDifference, count_by_day, pair_tables
from orchestration.dataset.tables import relation
from orchestration.dataset.versions import Version, intact_file
from orchestration.dbt.graph import Manifest, day_columns, fact_key, facts, table_of
from orchestration.dbt.process import load_manifest
from orchestration.full_disk import full_disk_in_one_line
from orchestration.replay.verify import PUBLISHED, REPLAYED, open_both, served_of_log
from orchestration.settings import Settings
from orchestration.warehouse.scratch import derive, scratch_folder

OBJECTS = f"{REPLAYED}.{SCHEMA}.{SAMPLED}"


@dataclass(frozen=True)
class Fact:
    """A published fact: its name in dbt, its table, and the columns of an object's id and of a row's day."""

    model: str
    table: str
    key: str
    day: str | None


@dataclass(frozen=True)
class SampleVerification:
    """What was drawn, how much was compared, and what differs, by table."""

    version: int
    sequence: int
    seed: str
    days: tuple[date, ...]
    objects: int
    rows: Mapping[str, int]
    differences: Mapping[str, Sequence[DayDifference]]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every row that was looked at is the same."""
        return not self.differences


def verify_sample(settings: Settings, *, seed: str, number_of_days: int) -> SampleVerification:
    """Derive the facts of a few days' objects again from nothing, and compare with the served version."""
    started = time.monotonic()
    archive = settings.open_archive()
    version = served_of_log(settings, archive)
    seed = f"{seed} {version.log_digest}"
    days = draw_days(archive.log.commits(version.sequence), seed, number_of_days)
    compared = published_facts(load_manifest(settings), version)
    objects, rows, differences = 0, dict[str, int](), dict[str, Sequence[DayDifference]]()
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
                objects = count(connection, OBJECTS)
                for fact in compared:
                    rows[fact.table] = count(connection, relation(fact.table, REPLAYED))
                    if days_differing := fact_differences(connection, fact):
                        differences[fact.table] = days_differing
    return SampleVerification(
        version=version.number,
        sequence=version.sequence,
        seed=seed,
        days=tuple(days),
        objects=objects,
        rows=rows,
        differences=differences,
        seconds=time.monotonic() - started,
    )


def draw_days(commits: Sequence[Commit], seed: str, number: int) -> list[date]:
    """Draw days that hold events; the same seed over the same log draws the same."""
    held = sorted({day for commit in commits for segment in commit.segments for day in segment.days})
    drawn = random.Random(seed).sample(held, min(number, len(held)))
    return sorted(map(date.fromisoformat, drawn))


def published_facts(manifest: Manifest, version: Version) -> list[Fact]:
    """Return the facts that analysts read; each replaces its rows by one key, the id of an object."""
    days = day_columns(manifest)
    published = []
    for node in facts(manifest).values():
        table, key = table_of(node), fact_key(node)
        if table in version.tables and len(key) == 1:
            published.append(Fact(node["name"], table, key[0], days.get(table)))
    return sorted(published, key=lambda fact: fact.table)


def fact_differences(connection: duckdb.DuckDBPyConnection, fact: Fact) -> list[DayDifference]:
    """Compare the rows of the sampled objects."""
    pair = pair_tables(connection, fact.table, PUBLISHED, REPLAYED)
    day = fact.day if fact.day in pair.types_b else None
    of_sample = f"{quoted(fact.key)} IN (SELECT object_id FROM {OBJECTS})"
    return count_by_day(connection, pair, day, where=of_sample)


def count(connection: duckdb.DuckDBPyConnection, rows_of: str) -> int:
    """Count the rows of a table, given as SQL."""
    row = connection.execute(f"SELECT count(*) FROM {rows_of}").fetchone()
    assert row is not None
    return int(row[0])

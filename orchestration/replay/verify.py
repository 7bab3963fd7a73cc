"""Whether the dataset that is served is what its log gives: derived again from nothing, and compared.

Belongs here: that comparison, table by table, and day by day where they differ. Not here: how it reads
(`command_line`), and checking the archive's bytes (`event_archive.verification`).

What is compared is the version that analysts read, over its own cut of the log and by today's code: it is a
file that never changes, so no lock is needed and a refresh goes on meanwhile.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from event_archive import Archive, UnusableInput
from event_archive.engine import open_engine
from event_archive.registry.contract import Contracts
from event_archive.sql_text import literal
from orchestration.dataset.code_version import code_version
from orchestration.dataset.compare import (
    DayDifference,
    count_by_day,
    pair_tables,
    table_state,
    table_states,
)
from orchestration.dataset.table_state import TableState
from orchestration.dataset.tables import WAREHOUSE
from orchestration.dataset.versions import BRING_BACK, Version, checked_versions, require_served_version
from orchestration.dbt.graph import Manifest, day_columns
from orchestration.dbt.process import OnNode
from orchestration.full_disk import full_disk_in_one_line
from orchestration.settings import Settings
from orchestration.warehouse.engine import open_as_warehouse, open_warehouse
from orchestration.warehouse.model_code import Parts, changed_since, recorded_parts
from orchestration.warehouse.scratch import DerivedWarehouse, derive, format_left_out, scratch_folder

PUBLISHED, REPLAYED = "published", WAREHOUSE


@dataclass(frozen=True)
class UnequalTable:
    """A table that does not come out as it is published; a state is None where that side lacks it.

    `day_column`: what gives a row its day. `detail`: what differs besides rows.
    """

    table: str
    published: TableState | None
    replayed: TableState | None
    day_column: str | None = None
    days: tuple[DayDifference, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Verification:
    """What a verification found: what the log gives, table by table, and what of it differs from the version.

    `reasons`: what is likely to explain the differences. `left_out`: the tables that no log gives again.
    """

    version: int
    sequence: int
    tables: Mapping[str, TableState]
    left_out: tuple[str, ...]
    differences: tuple[UnequalTable, ...]
    reasons: tuple[str, ...]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every table is the same."""
        return not self.differences

    @property
    def rows(self) -> int:
        """How many rows the log gives."""
        return sum(state.rows for state in self.tables.values())


def verify_replay(
    settings: Settings, *, log: Callable[[str], None] | None = None, on_node: OnNode | None = None
) -> Verification:
    """Derive the served version again from nothing, over its own cut, and compare."""
    started = time.monotonic()
    archive = settings.open_archive()
    version = served_of_log(settings, archive)
    if log:
        log(f"Deriving version {version.number} again from nothing, up to commit {version.sequence}")
    file = settings.published / version.file_name
    with scratch_folder(settings) as scratch:
        built = derive(settings, archive.contracts, scratch, cut=version.sequence, on_node=on_node)
        if log and built.left_out:
            log(format_left_out(built.left_out))
        with full_disk_in_one_line("comparing"):
            published, replayed = published_states(settings, version), replayed_states(built.settings)
            differences = find_unequal_tables(built, file, published, replayed)
            problem = checked_versions(settings).problem(version) if version.sha256 else None
            if problem and not differences:
                raise UnusableInput(f"{file}: holds the rows that the log gives, but {problem}; {BRING_BACK}")
            reasons = (
                likely_reasons(settings, archive.contracts, built.manifest, version, published)
                if differences
                else []
            )
    return Verification(
        version=version.number,
        sequence=version.sequence,
        tables=replayed,
        left_out=built.left_out,
        differences=tuple(differences),
        reasons=tuple(reasons),
        seconds=time.monotonic() - started,
    )


def served_of_log(settings: Settings, archive: Archive) -> Version:
    """Return the version that analysts read; raises UnusableInput where this archive is another one."""
    version = require_served_version(settings)
    commits = archive.log.commits(version.sequence)
    if len(commits) < version.sequence or (commits and commits[-1].digest != version.log_digest):
        raise UnusableInput(
            f"version {version.number} was derived from another log: its commit {version.sequence} is not "
            "the one of this archive; run `factlog verify`"
        )
    return version


@contextmanager
def open_version(settings: Settings, version: Version) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file of a version; raises UnusableInput where analysts can't read it either."""
    file = settings.published / version.file_name
    try:
        with open_as_warehouse(settings, file) as connection:
            yield connection
    except duckdb.Error as error:
        raise UnusableInput(f"{file}: can't be read: {' '.join(str(error).split())}") from None


def published_states(settings: Settings, version: Version) -> dict[str, TableState]:
    """Return the state of every table from the file itself: its manifest only says what it was."""
    with open_version(settings, version) as connection:
        return {table: table_state(connection, table) for table in version.tables}


def replayed_states(built: Settings) -> dict[str, TableState]:
    """Return the state of every table of the scratch warehouse."""
    with open_as_warehouse(built, built.warehouse) as connection:
        return table_states(connection)


@contextmanager
def open_both(settings: Settings, published: Path, replayed: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open two files to compare their tables; what does not fit into memory goes beside the replayed one."""
    with closing(
        open_engine(
            threads=settings.threads,
            memory_bytes=settings.build_memory_bytes,
            spill=replayed.with_name(f"{replayed.name}.tmp"),
        )
    ) as connection:
        for file, alias in ((published, PUBLISHED), (replayed, REPLAYED)):
            connection.execute(f"ATTACH {literal(str(file))} AS {alias} (READ_ONLY)")
        yield connection


def find_unequal_tables(
    built: DerivedWarehouse,
    file: Path,
    published: Mapping[str, TableState],
    replayed: Mapping[str, TableState],
) -> list[UnequalTable]:
    """Return the tables that differ, each with the days on which it does."""
    days = day_columns(built.manifest)
    unequal = []
    with open_both(built.settings, file, built.settings.warehouse) as connection:
        for table in sorted({*published, *replayed} - {*built.left_out}):
            before, now = published.get(table), replayed.get(table)
            if before != now:
                unequal.append(compare_table(connection, table, before, now, days.get(table)))
    return unequal


def compare_table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    published: TableState | None,
    replayed: TableState | None,
    day: str | None,
) -> UnequalTable:
    """Return how a table differs: in its columns, or in the rows of which days."""
    if published is None or replayed is None:
        detail = "no model derives it any more" if replayed is None else "it is not published"
        return UnequalTable(table, published, replayed, detail=detail)
    pair = pair_tables(connection, table, PUBLISHED, REPLAYED)
    if not pair.has_same_columns:
        changed = sorted({*pair.only_a, *pair.only_b, *pair.retyped})
        detail = f"other columns: {', '.join(changed) or 'their order'}"
        return UnequalTable(table, published, replayed, detail=detail)
    days = tuple(count_by_day(connection, pair, day))
    detail = "" if days else "the columns may be empty in one of them and not in the other"
    return UnequalTable(table, published, replayed, day if days else None, days, detail)


def likely_reasons(
    settings: Settings,
    contracts: Contracts,
    manifest: Manifest,
    version: Version,
    published: Mapping[str, TableState],
) -> list[str]:
    """Return what is likely to explain differences, the surest first."""
    reasons = []
    edited = [table for table, state in version.tables.items() if published[table] != state]
    if edited:
        reasons.append(f"{version.file_name} was changed after it was published: {', '.join(edited)}")
    if version.code_version != (now := code_version(settings)):
        reasons.append(f"the code has changed: {version.code_version} published it, this is {now}")
    for fact in changed_since(parts_in_warehouse(settings), manifest, contracts):
        reasons.append(f"{fact.table} was derived by other code: {', '.join(fact.parts)}")
    return reasons or [
        "the code is the same: an incremental build went wrong, or something else wrote the warehouse; "
        "`factlog refresh --full` derives everything again"
    ]


def parts_in_warehouse(settings: Settings) -> Mapping[str, Parts]:
    """Return by which code the facts of the warehouse were derived; nothing where a refresh is writing it."""
    try:
        with open_warehouse(settings, read_only=True) as connection:
            return recorded_parts(connection)
    except duckdb.IOException:
        return {}

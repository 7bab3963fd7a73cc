"""Deriving the reporting dataset from the log in one go: build every model, check, publish.

Belongs here: the order of these steps for whoever asks, the command line or a person; a replay of days is a
refresh that was asked for days before. Not here: the steps themselves. Dagster takes the same steps one by
one (`dbt_assets`, `published`), to show each in its UI.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace

import duckdb

from event_archive.errors import UnusableInput
from orchestration.dataset.compare import TableState
from orchestration.dataset.versions import served_version
from orchestration.dbt.process import OnNode, first_lines, keep_manifest, load_manifest, run_dbt
from orchestration.full_disk import full, full_disk_in_one_line
from orchestration.planning.plan import plan
from orchestration.publishing.publish import Publication, PublishingRefused, publish_locked
from orchestration.settings import Settings
from orchestration.warehouse.build_history import Took, note_build
from orchestration.warehouse.build_record import Check, record
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.model_code import request_rebuild
from orchestration.warehouse.requests import EVERYTHING, Days, request_again, request_replay
from orchestration.warehouse.state import WarehouseState, read_state
from orchestration.warehouse.untested_keys import request_full_tests

REPLAY = "factlog replay"


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: up to which commit, how many models and tests, and what is served now.

    `changed`: the tables that are not as they were in what was served before.
    """

    sequence: int
    models: int
    tests: int
    seconds: float
    publication: Publication
    changed: list[str]


def refresh(
    settings: Settings,
    *,
    from_nothing: bool = False,
    replay: Iterable[Days] = (),
    log: Callable[[str], None] | None = None,
    on_node: OnNode | None = None,
) -> Refreshed:
    """Build, check and publish; raises PublishingRefused where a model or a blocking check does not hold.

    `replay`: days of which the keys are derived again. What is derived again is noted in the warehouse before
    anything is built: if this is killed, the next build completes it.
    """
    started = time.monotonic()
    days = list(replay)
    holding = warehouse_lock(settings, "a replay" if days else "a refresh", log=log)
    with holding as lock, full_disk_in_one_line(str(settings.home)):
        state = ask(settings, days, from_nothing=from_nothing, log=log)
        outcomes, sequence = build(settings, lock, from_nothing=from_nothing, on_node=on_node)
        before = served_tables(settings)
        publication = publish_locked(settings)
        seconds = time.monotonic() - started
        with closing(duckdb.connect(settings.warehouse)) as connection:
            note_build(connection, Took(rows_read(settings, state, sequence), seconds))
    tests = sum(check.is_test for check in outcomes)
    now = publication.version.tables
    changed = sorted(table for table in {*before, *now} if before.get(table) != now.get(table))
    return Refreshed(sequence, len(outcomes) - tests, tests, seconds, publication, changed)


def ask(
    settings: Settings, days: Iterable[Days], *, from_nothing: bool, log: Callable[[str], None] | None
) -> WarehouseState:
    """Note in the warehouse what the build that follows derives again; gives how it stands then."""
    archive = settings.open_archive()
    # Before the first build there is nothing to derive again, nor a need to parse the project for that.
    manifest = load_manifest(settings) if settings.warehouse.is_file() else None
    if manifest is not None:
        request_rebuild(settings, manifest, archive.contracts, log)
        request_full_tests(settings, manifest)
    if days:
        request_replay(settings, REPLAY, days)
    if from_nothing:
        request_everything(settings)
    if manifest is None:
        return WarehouseState()
    return read_state(settings, manifest, archive, len(archive.log.commits()))


def rows_read(settings: Settings, before: WarehouseState, sequence: int) -> int:
    """Count the events that facts have read in a build, by how the warehouse stood before it."""
    archive, manifest = settings.open_archive(), load_manifest(settings)
    commits = archive.log.commits(sequence)
    return plan(manifest, archive.contracts, commits, before, served=sequence).rows


def served_tables(settings: Settings) -> dict[str, TableState]:
    """Tell the state of each table that is served."""
    served = served_version(settings)
    return served.tables if served else {}


def request_everything(settings: Settings) -> None:
    """Ask the next build to derive everything from nothing."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with closing(duckdb.connect(settings.warehouse)) as connection:
        request_again(connection, [EVERYTHING])


def build(
    settings: Settings,
    lock: int,
    *,
    from_nothing: bool,
    on_node: OnNode | None = None,
) -> tuple[list[Check], int]:
    """Build and test every model over the log as it is now; needs the warehouse's lock."""
    head = settings.open_archive().log.head()
    sequence = head.sequence if head else 0
    arguments = ["build", *(["--full-refresh"] if from_nothing else [])]
    results = settings.dbt_target / "run_results.json"
    results.unlink(missing_ok=True)
    started = time.time()
    said = run_dbt(replace(settings, cut=sequence), arguments, lock=lock, on_node=on_node)
    if not results.exists():
        raise UnusableInput(f"dbt build: {first_lines(said)}; details: {settings.dbt_target / 'dbt.log'}")
    keep_manifest(settings, started)
    outcomes = record(settings)
    if cause := full("; ".join(check.detail for check in outcomes if not check.passed)):
        raise UnusableInput(f"{settings.home}: {cause}")
    if any(check.blocking and not check.passed for check in outcomes):
        raise PublishingRefused(outcomes)
    return outcomes, sequence

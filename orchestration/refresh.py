"""Deriving the reporting dataset from the log in one go: build every model, check, publish.

Belongs here: the order of these steps for whoever asks, the command line or a person; a replay of days is a
refresh that was asked for days before. Not here: the steps themselves. Dagster takes the same steps one by
one (`assets.models`, `assets.published`), to show each in its UI.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from event_archive import Archive, UnusableInput
from event_archive.store.durable import make_durable_folder
from orchestration.dataset.table_state import TableState
from orchestration.dataset.versions import served_version
from orchestration.dbt.graph import Manifest
from orchestration.dbt.process import OnNode, first_lines, keep_manifest, load_manifest, run_dbt
from orchestration.dbt.project_rules import (
    check_macros,
    check_marts,
    check_reads,
    format_unread,
    unread_types,
)
from orchestration.full_disk import full, full_disk_in_one_line
from orchestration.planning.plan import plan
from orchestration.planning.selection import WHOLE, Basis, select_nodes
from orchestration.publishing.publish import (
    Publication,
    PublishingRefused,
    publish_locked,
    stay_published,
)
from orchestration.publishing.unchanged import (
    Inputs,
    digest_of_code,
    inputs_of_build,
    is_unchanged,
    note_inputs,
    note_published,
    read_last_build,
)
from orchestration.settings import Settings
from orchestration.warehouse.build_history import BuildDuration, record_duration
from orchestration.warehouse.build_record import record_build
from orchestration.warehouse.engine import open_warehouse
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.model_code import request_rebuild_of_changed
from orchestration.warehouse.outcomes import NOTHING_BUILT, Check
from orchestration.warehouse.requests import EVERYTHING, Days, request_rebuild, request_replay
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


@dataclass(frozen=True)
class Built:
    """What dbt built: by which manifest, over the log up to which commit, and how models and tests fared."""

    manifest: Manifest
    sequence: int
    checks: list[Check]


def refresh(
    settings: Settings,
    *,
    from_nothing: bool = False,
    replay: Iterable[Days] = (),
    log: Callable[[str], None] | None = None,
    on_node: OnNode | None = None,
) -> Refreshed:
    """Build, check and publish; raises PublishingRefused where a model or a blocking check does not hold.

    `replay`: days of which the keys are derived again. What is derived again is recorded in the warehouse
    before anything is built: if this is killed, the next build completes it. Where nothing is asked for and
    all that a build depends on is as it was, nothing is built.
    """
    started = time.monotonic()
    settings.require_archive()
    days = list(replay)
    holding = warehouse_lock(settings, "a replay" if days else "a refresh", log=log)
    with holding as lock, full_disk_in_one_line(str(settings.home)):
        archive = settings.open_archive()
        inputs = inputs_of_build(settings, archive.log.commits())
        if not (days or from_nothing) and (standing := nothing_new(settings, archive, inputs)):
            seconds = time.monotonic() - started
            return Refreshed(standing.version.sequence, 0, 0, seconds, standing, [])
        last = read_last_build(settings, inputs.code)
        note_inputs(settings, inputs)
        manifest = load_manifest(settings)
        check_macros(manifest)
        check_reads(manifest, archive.contracts)
        check_marts(manifest, settings.dbt_project)
        if settings.warehouse.is_file():
            request_rebuild_of_changed(settings, manifest, archive.contracts, log)
            request_full_tests(settings, manifest)
        if days:
            request_replay(settings, REPLAY, days)
        if from_nothing:
            request_everything(settings)
        commits = archive.log.commits()
        state = read_state(settings, manifest, archive, len(commits))
        basis = Basis(manifest, inputs.code, last if goes_on(state) else NOTHING_BUILT)
        built = build(settings, archive, lock, from_nothing=from_nothing, basis=basis, on_node=on_node)
        if log and (unread := unread_types(built.manifest, archive.contracts)):
            log(format_unread(unread))
        before = served_tables(settings)
        publication = publish_locked(settings, archive, log)
        rows = rows_read(archive, built, state)
        seconds = time.monotonic() - started
        with open_warehouse(settings) as connection:
            record_duration(connection, BuildDuration(rows, seconds))
        note_published(settings, publication.version)
    tests = sum(check.is_test for check in built.checks)
    now = publication.version.tables
    changed = sorted(table for table in {*before, *now} if before.get(table) != now.get(table))
    return Refreshed(built.sequence, len(built.checks) - tests, tests, seconds, publication, changed)


def nothing_new(settings: Settings, archive: Archive, inputs: Inputs) -> Publication | None:
    """What is served, where a build would give the same; None where it might not."""
    version = served_version(settings)
    if version is None or not is_unchanged(settings, archive, inputs):
        return None
    return stay_published(settings, archive, version)


def goes_on(state: WarehouseState) -> bool:
    """Whether a build may keep anything of the last one: nothing is asked for but what landed since."""
    return state.goes_forward and not state.rebuilds and not state.replays


def build(
    settings: Settings,
    archive: Archive,
    lock: int,
    *,
    from_nothing: bool,
    basis: Basis | None = None,
    on_node: OnNode | None = None,
) -> Built:
    """Build and test what the log as it is now may change; needs the warehouse's lock.

    `basis`: of what the warehouse is made already. Without it, or where the project has changed meanwhile,
    every node is built.
    """
    commits = archive.log.commits()
    sequence = len(commits)
    selection = select_nodes(basis, archive.contracts, commits)
    arguments = ["build", *(["--full-refresh"] if from_nothing else []), *selection.arguments]
    results = settings.dbt_target / "run_results.json"
    results.unlink(missing_ok=True)
    started = time.time()
    output = run_dbt(replace(settings, cut=sequence), arguments, lock=lock, on_node=on_node)
    if not results.exists():
        raise UnusableInput(f"dbt build: {first_lines(output)}; details: {settings.dbt_target / 'dbt.log'}")
    manifest = basis.manifest if basis else None
    built = keep_manifest(settings, started, manifest)
    if basis and (built is not manifest or digest_of_code(settings) != basis.code):
        if selection.arguments:
            return build(settings, archive, lock, from_nothing=from_nothing, on_node=on_node)
        selection = WHOLE
    checks = record_build(settings, archive.contracts, built, inputs=selection.inputs, kept=selection.kept)
    if cause := full("; ".join(check.detail for check in checks if not check.passed)):
        raise UnusableInput(f"{settings.home}: {cause}")
    if any(check.blocking and not check.passed for check in checks):
        raise PublishingRefused(checks)
    return Built(built, sequence, checks)


def rows_read(archive: Archive, built: Built, before: WarehouseState) -> int:
    """The number of events that facts have read in a build, by how the warehouse stood before it."""
    commits = archive.log.commits(built.sequence)
    return plan(built.manifest, archive.contracts, commits, before, served=built.sequence).rows


def served_tables(settings: Settings) -> dict[str, TableState]:
    """The state of each table that is served."""
    version = served_version(settings)
    return version.tables if version else {}


def request_everything(settings: Settings) -> None:
    """Ask the next build to derive everything from nothing."""
    make_durable_folder(settings.warehouse.parent)
    with open_warehouse(settings) as connection:
        request_rebuild(connection, [EVERYTHING])

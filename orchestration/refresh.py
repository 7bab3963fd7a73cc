"""Deriving the reporting dataset from the log in one go: build every model, check, publish.

Belongs here: the order of these steps for whoever asks, the command line or a person; a replay of days is a
refresh that was asked for days before. Not here: the steps themselves. Dagster takes the same steps one by
one (`assets.models`, `assets.published`), to show each in its UI.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from event_archive import Archive, UnusableInput
from orchestration.dataset.table_state import TableState, changed_tables
from orchestration.dataset.version_marks import last_published
from orchestration.dbt.process import OnNode, first_lines, run_dbt
from orchestration.dbt.project_rules import format_unread, unread_types
from orchestration.full_disk import full, full_disk_in_one_line
from orchestration.planning.plan import plan
from orchestration.planning.selection import Basis
from orchestration.publishing.build_inputs import Inputs, inputs_of_build
from orchestration.publishing.failed_build import forget_failure, noting_failure
from orchestration.publishing.older_layout import move_over
from orchestration.publishing.publish import (
    Publication,
    PublishingRefused,
    publish_locked,
    stay_published,
)
from orchestration.publishing.unchanged import is_unchanged, note_published
from orchestration.selected_build import (
    Built,
    Replay,
    begin_build,
    end_build,
    prepare_build,
)
from orchestration.settings import Settings
from orchestration.warehouse.build_history import BuildDuration, record_duration
from orchestration.warehouse.engine import open_warehouse
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.requests import Days
from orchestration.warehouse.state import WarehouseState

REPLAY = "factlog replay"


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: up to which commit, how many models and tests, and what is published now.

    `changed`: the tables that are not as they were in what was published before.
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

    `replay`: days of which the keys are derived again. What is derived again is recorded in the warehouse
    before anything is built: if this is killed, the next build completes it. Where nothing is asked for and
    all that a build depends on is as it was, nothing is built.
    """
    started = time.monotonic()
    settings.require_archive()
    days = list(replay)
    holding = warehouse_lock(settings, "a replay" if days else "a refresh", log=log)
    with holding as lock, noting_failure(settings), full_disk_in_one_line(str(settings.home)):
        move_over(settings)
        archive = settings.open_archive()
        inputs = inputs_of_build(settings, archive.log.commits())
        if not (days or from_nothing) and (standing := nothing_new(settings, archive, inputs)):
            seconds = time.monotonic() - started
            forget_failure(settings)
            return Refreshed(standing.version.sequence, 0, 0, seconds, standing, [])
        replay_of_days = Replay(REPLAY, days) if days else None
        prepared = prepare_build(
            settings, archive, inputs, replay=replay_of_days, from_nothing=from_nothing, log=log
        )
        built = build(
            settings, archive, lock, from_nothing=from_nothing, basis=prepared.basis, on_node=on_node
        )
        if log and (unread := unread_types(built.manifest, archive.contracts)):
            log(format_unread(unread))
        before = published_tables(settings)
        publication = publish_locked(settings, archive, log)
        rows = rows_read(archive, built, prepared.state)
        seconds = time.monotonic() - started
        with open_warehouse(settings) as connection:
            record_duration(connection, BuildDuration(rows, seconds))
        note_published(settings, publication.version)
    tests = sum(check.is_test for check in built.checks)
    changed = changed_tables(before, publication.version.tables)
    return Refreshed(built.sequence, len(built.checks) - tests, tests, seconds, publication, changed)


def nothing_new(settings: Settings, archive: Archive, inputs: Inputs) -> Publication | None:
    """What was published, where a build would give the same; None where it might not."""
    version = last_published(settings)
    if version is None or not is_unchanged(settings, archive, inputs):
        return None
    return stay_published(settings, archive, version)


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
    begun = begin_build(settings, archive.contracts, archive.log.commits(), basis)
    arguments = ["build", *(["--full-refresh"] if from_nothing else []), *begun.selection.arguments]
    output = run_dbt(begun.dbt_settings, arguments, lock=lock, on_node=on_node)
    if not begun.has_results:
        raise UnusableInput(f"dbt build: {first_lines(output)}; details: {settings.dbt_target / 'dbt.log'}")
    built = end_build(begun)
    if built is None:
        return build(settings, archive, lock, from_nothing=from_nothing, on_node=on_node)
    if cause := full("; ".join(check.detail for check in built.checks if not check.passed)):
        raise UnusableInput(f"{settings.home}: {cause}")
    if any(check.blocking and not check.passed for check in built.checks):
        raise PublishingRefused(built.checks)
    return built


def rows_read(archive: Archive, built: Built, before: WarehouseState) -> int:
    """The number of events that facts have read in a build, by how the warehouse stood before it."""
    commits = archive.log.commits(built.sequence)
    return plan(built.manifest, archive.contracts, commits, before, served=built.sequence).rows


def published_tables(settings: Settings) -> dict[str, TableState]:
    """The state of each table that was published last."""
    version = last_published(settings)
    return version.tables if version else {}

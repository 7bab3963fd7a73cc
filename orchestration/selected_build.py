"""A build of what the news can touch: all of it but the dbt process, which the caller runs and shows.

Belongs here, for the command (`refresh`) and Dagster (`assets.models`) alike: what is looked at, noted and
requested before dbt runs, which nodes it is to build, and what is recorded once it has ended. Not here: which
nodes follow from which news (`planning.selection`), running dbt, and publishing.

    prepare_build    of what the warehouse is made, and what it is to derive besides what landed
    begin_build      the nodes that dbt is to be run for
    end_build        their outcomes are recorded; or dbt has to be run once more, for all nodes
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from event_archive import Archive
from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from event_archive.store.durable import make_durable_folder
from orchestration.dbt.graph import Manifest
from orchestration.dbt.process import RUN_RESULTS, keep_manifest, load_manifest
from orchestration.dbt.project_rules import check_macros, check_marts, check_reads
from orchestration.planning.selection import WHOLE, Basis, Selection, select_nodes
from orchestration.publishing.build_inputs import Inputs, digest_of_code
from orchestration.publishing.unchanged import note_inputs, read_last_build
from orchestration.settings import Settings
from orchestration.warehouse.build_record import record_build
from orchestration.warehouse.engine import open_warehouse
from orchestration.warehouse.model_code import request_rebuild_of_changed
from orchestration.warehouse.outcomes import NOTHING_BUILT, Check
from orchestration.warehouse.requests import EVERYTHING, Days, request_rebuild, request_replay
from orchestration.warehouse.state import WarehouseState, read_state
from orchestration.warehouse.untested_keys import request_full_tests


@dataclass(frozen=True)
class Replay:
    """Days of which all keys are derived again. `request`: who asks, the same where that is tried again."""

    request: str
    days: Sequence[Days]


@dataclass(frozen=True)
class Prepared:
    """What a build may go by, and how the warehouse stood before it."""

    basis: Basis
    state: WarehouseState


@dataclass(frozen=True)
class SelectedBuild:
    """A build over the log up to a commit, of the nodes of a selection."""

    settings: Settings
    contracts: Contracts
    sequence: int
    basis: Basis | None
    selection: Selection
    started: float

    @property
    def dbt_settings(self) -> Settings:
        """The settings that dbt is to be run with: they hold the cut of the log."""
        return replace(self.settings, cut=self.sequence)

    @property
    def has_results(self) -> bool:
        """Whether dbt could work at all: then it has said how each node fared."""
        return (self.settings.dbt_target / RUN_RESULTS).exists()


@dataclass(frozen=True)
class Built:
    """What dbt built: by which manifest, over the log up to which commit, and how models and tests fared.

    `kept`: the nodes that were left as they were, because they would have been made of the same again.
    """

    manifest: Manifest
    sequence: int
    checks: list[Check]
    kept: frozenset[str]


def prepare_build(
    settings: Settings,
    archive: Archive,
    inputs: Inputs,
    *,
    replay: Replay | None = None,
    from_nothing: bool = False,
    log: Callable[[str], None] | None = None,
) -> Prepared:
    """Note what is derived from what, before anything is built; needs the warehouse's lock.

    What is to be derived again is recorded in the warehouse: if this is killed, the next build completes it.
    """
    last = read_last_build(settings, inputs.code)
    note_inputs(settings, inputs)
    manifest = load_manifest(settings)
    check_macros(manifest)
    check_reads(manifest, archive.contracts)
    check_marts(manifest, settings.dbt_project)
    request_rebuild_of_changed(settings, manifest, archive.contracts, log)
    request_full_tests(settings, manifest)
    if replay:
        request_replay(settings, replay.request, replay.days)
    if from_nothing:
        request_everything(settings)
    state = read_state(settings, manifest, archive, len(archive.log.commits()))
    return Prepared(Basis(manifest, inputs.code, last if goes_on(state) else NOTHING_BUILT), state)


def goes_on(state: WarehouseState) -> bool:
    """Whether a build may keep anything of the last one: nothing is asked for but what landed since."""
    return state.goes_forward and not state.rebuilds and not state.replays


def begin_build(
    settings: Settings, contracts: Contracts, commits: Sequence[Commit], basis: Basis | None
) -> SelectedBuild:
    """A build of what these commits may change.

    `basis`: of what the warehouse is made already. Without it every node is to be built.
    """
    (settings.dbt_target / RUN_RESULTS).unlink(missing_ok=True)
    selection = select_nodes(basis, contracts, commits)
    return SelectedBuild(settings, contracts, len(commits), basis, selection, time.time())


def end_build(build: SelectedBuild, request: str | None = None) -> Built | None:
    """Record what dbt has built; None where it has to build everything: the project has changed meanwhile.

    `request`: the replay that it was of, where it was of a part of the models.
    """
    settings, basis, selection = build.settings, build.basis, build.selection
    known = basis.manifest if basis else None
    manifest = keep_manifest(settings, build.started, known)
    if basis and (manifest is not known or digest_of_code(settings) != basis.code):
        if selection.arguments:
            return None
        selection = WHOLE
    checks = record_build(
        settings, build.contracts, manifest, request, inputs=selection.inputs, kept=selection.kept
    )
    return Built(manifest, build.sequence, checks, selection.kept)


def request_everything(settings: Settings) -> None:
    """Ask the next build to derive everything from nothing."""
    make_durable_folder(settings.warehouse.parent)
    with open_warehouse(settings) as connection:
        request_rebuild(connection, [EVERYTHING])

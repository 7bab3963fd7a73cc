"""dbt models as assets, their tests as asset checks, and one dbt process per run that builds the chosen ones.

Belongs here: that process, and what is recorded before and after it. Not here: what dbt's nodes are in
Dagster (`dbt_translator`), which days are marked (`model_partitions`), SQL (`dbt_project/`), and
refreshing without Dagster (`refresh`).
"""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation
from dagster_dbt import dbt_assets as make_dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from packaging.version import Version

from event_archive import Archive
from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from orchestration.assets.archive import open_archive
from orchestration.assets.cursors import last_materialization, unpublished
from orchestration.assets.data_versions import model_versions
from orchestration.assets.dbt_translator import Translator
from orchestration.assets.keys import LOG
from orchestration.assets.model_partitions import (
    ModelReports,
    days_to_mark,
    event_versions,
    report_unreported_commits,
)
from orchestration.dbt import graph, process
from orchestration.dbt.graph import Manifest
from orchestration.dbt.kinds import is_without_events, marts
from orchestration.dbt.process import MANIFEST
from orchestration.dbt.serving import dbt_command
from orchestration.names import REFRESH_JOB, WAREHOUSE_POOL
from orchestration.publishing.unchanged import inputs_of_build, note_inputs
from orchestration.settings import Settings
from orchestration.warehouse.build_record import record_build
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.model_code import request_rebuild_of_changed
from orchestration.warehouse.requests import Days, pending, request_replay
from orchestration.warehouse.untested_keys import request_full_tests

EVERYTHING = "fqn:*"
UNIQUE_ID = "dagster_dbt/unique_id"


def dbt_environment(settings: Settings, indirect_selection: str | None) -> dict[str, str]:
    """The environment of the dbt process: its settings, and the log format that dagster-dbt reads."""
    chosen = {"DBT_INDIRECT_SELECTION": indirect_selection} if indirect_selection else {}
    return {
        **settings.environment(),
        **chosen,
        "DBT_LOG_FORMAT": "json",
        "DBT_PROFILES_DIR": str(settings.dbt_project),
        "DBT_PROJECT_DIR": str(settings.dbt_project),
        "DBT_TARGET_PATH": str(settings.dbt_target),
        "DBT_LOG_PATH": str(settings.dbt_target),
        "PYTHONUNBUFFERED": "1",
    }


def dbt_assets(
    settings: Settings,
    archive: Archive,
    manifest: Manifest,
    partitions: dg.DailyPartitionsDefinition,
) -> dg.AssetsDefinition:
    """Make the assets of every model; a chosen part of them is built by one dbt process."""
    translator = Translator(archive, manifest, partitions)

    @make_dbt_assets(
        manifest=manifest,
        name="dbt_models",
        dagster_dbt_translator=translator,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=WAREHOUSE_POOL,
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        open_archive(settings)  # before waiting for the lock, whose file would be made beside nothing
        with warehouse_lock(settings, f"Dagster run {context.run_id}", log=context.log.info) as lock:
            landing = last_materialization(context.instance, LOG)
            archive = open_archive(settings)
            commits = archive.log.commits()
            log_digest = commits[-1].digest if commits else ""
            versions = model_versions(dbt_models.specs, view_keys(dbt_models, manifest), log_digest)
            process = Process(
                replace(settings, cut=len(commits)), archive.contracts, manifest, translator, lock
            )
            request_rebuild_of_changed(settings, manifest, archive.contracts, context.log.info)
            request_full_tests(settings, manifest)
            note_inputs(settings, inputs_of_build(settings, commits))
            if context.run.job_name == REFRESH_JOB:
                specs = {spec.metadata[UNIQUE_ID]: spec for spec in dbt_models.specs}
                reports = reports_of_refresh(
                    context, settings, archive, manifest, specs, commits, landing, versions
                )
                yield from report_models(context, reports, build(context, process))
            else:
                for key in context.selected_asset_keys:
                    context.set_data_version(key, dg.DataVersion(versions[key]))
                yield from build(context, process, replay_of(context))

    return dbt_models


def view_keys(models: dg.AssetsDefinition, manifest: Manifest) -> list[dg.AssetKey]:
    """The keys of what new events do not change: views and seeds."""
    nodes = manifest["nodes"]
    return [spec.key for spec in models.specs if is_without_events(nodes[spec.metadata[UNIQUE_ID]])]


def mart_keys(models: dg.AssetsDefinition, manifest: Manifest) -> list[dg.AssetKey]:
    """The keys of what is published."""
    published = marts(manifest)
    return [spec.key for spec in models.specs if spec.metadata[UNIQUE_ID] in published]


def reports_of_refresh(
    context: dg.AssetExecutionContext,
    settings: Settings,
    archive: Archive,
    manifest: Manifest,
    specs: Mapping[str, dg.AssetSpec],
    commits: Sequence[Commit],
    landing: dg.EventLogRecord | None,
    versions: Mapping[dg.AssetKey, str],
) -> ModelReports:
    """Return, before a refresh begins, what is to be reported of each model that it derives."""
    instance = context.instance
    reported_until = report_unreported_commits(
        instance, archive, commits, landing, context.log_event, threads=settings.threads
    )
    after = len(commits) - len(unpublished(settings, instance, commits))
    days = days_to_mark(instance, manifest, archive, specs, commits, after=after, replayed=pending(settings))
    return ModelReports(versions, days, event_versions(instance, archive, days), reported_until)


def report_models(
    context: dg.AssetExecutionContext, reports: ModelReports, events: Iterator[Any]
) -> Iterator[Any]:
    """Hand on what dbt reports, and report each model as soon as it is derived."""
    for event in events:
        if isinstance(event, dg.Output):
            spec = context.assets_def.specs_by_key[context.asset_key_for_output(event.output_name)]
            for materialization in reports.of(spec, event.metadata):
                context.log_event(materialization)
        yield event


@dataclass(frozen=True)
class Replay:
    """Days that a run was started for; `request` is the same when the run is tried again."""

    request: str
    days: Days


def replay_of(context: dg.AssetExecutionContext) -> Replay | None:
    """Return the days that a run replays: those of its partitions, if it has any.

    Dagster makes one run of each range of days without a gap, also where a backfill's policy is a single run:
    a backfill of scattered days comes as several runs, one after the other, each with a dbt process of its
    own. `factlog replay --days` derives any set of days in one.
    """
    if not context.has_partition_key_range:
        return None
    run, window = context.run, context.partition_time_window
    request = f"Dagster run {run.root_run_id or run.run_id}"
    return Replay(request, Days(window.start.date(), window.end.date()))


@dataclass(frozen=True)
class Process:
    """A dbt process to start: over which cut of the log, and the lock of the warehouse that it inherits."""

    settings: Settings
    contracts: Contracts
    manifest: Manifest
    translator: Translator
    lock: int

    def start(self, context: dg.AssetExecutionContext) -> DbtCliInvocation:
        """Start dbt over the chosen models.

        Not through DbtCliResource: it asks `dbt --version` first, which asks the package index on the
        internet, and opens an adapter on the warehouse in this process as well. Nor does it hand on the lock:
        if this process is killed, whoever comes next waits for dbt.
        """
        settings = self.settings
        selection, indirect = get_subset_selection_for_context(
            context=context,
            manifest=self.manifest,
            select=EVERYTHING,
            exclude=None,
            selector=None,
            dagster_dbt_translator=self.translator,
            current_dbt_indirect_selection_env=None,
        )
        started = subprocess.Popen(
            [*dbt_command(settings, process.dbt_executable()), "--no-use-colors", "build", *selection],
            cwd=settings.dbt_project,
            env=dbt_environment(settings, indirect),
            pass_fds=[self.lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return DbtCliInvocation(
            process=started,
            manifest=self.manifest,
            dagster_dbt_translator=self.translator,
            project_dir=settings.dbt_project,
            target_path=settings.dbt_target,
            raise_on_error=False,
            context=context,
            cli_version=Version(version("dbt-core")),
        )


def build(context: dg.AssetExecutionContext, process: Process, replay: Replay | None = None) -> Iterator[Any]:
    """Run dbt over the chosen models, hand on what it reports, and remember how its tests ended.

    What is replayed is recorded in the warehouse first: if this is killed, the next build completes it.
    """
    settings = process.settings
    if replay:
        request_replay(settings, replay.request, [replay.days])
    (settings.dbt_target / "run_results.json").unlink(missing_ok=True)
    invocation = process.start(context)
    yield from invocation.stream()
    if not (settings.dbt_target / "run_results.json").exists():
        raise dg.Failure(description=f"dbt could not work: {invocation.get_error()}", allow_retries=False)
    built = graph.read_manifest(settings.dbt_target / MANIFEST)
    checks = record_build(settings, process.contracts, built, replay.request if replay else None)
    failed = [check for check in checks if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name} ({check.detail})" for check in failed)
        raise dg.Failure(description=f"{len(failed)} node(s) of dbt failed: {reasons}", allow_retries=False)

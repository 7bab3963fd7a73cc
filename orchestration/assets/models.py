"""dbt models as assets, their tests as asset checks, and one dbt process per run that builds the chosen ones.

Belongs here: what a run does around that process, and what it reports of each model. Not here: what is built
and recorded (`selected_build`, as for the command line), the process (`dbt_runs`), what dbt's nodes are in
Dagster (`dbt_translator`), which days are marked (`model_partitions`), SQL (`dbt_project/`).

A run of a part, or of days, builds what it was asked for. A refresh builds what the news can touch: a model
that it keeps has an output, so that what follows it runs, but no materialization; a test that it keeps holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets as make_dbt_assets

from event_archive import Archive, UnusableInput
from event_archive.store.commit import Commit
from orchestration.assets.archive import open_archive
from orchestration.assets.cursors import last_materialization, unpublished
from orchestration.assets.data_versions import model_versions
from orchestration.assets.dbt_runs import DbtRun
from orchestration.assets.dbt_translator import Translator
from orchestration.assets.keys import LOG, UNIQUE_ID
from orchestration.assets.model_partitions import (
    ModelReports,
    days_to_mark,
    event_versions,
    report_unreported_commits,
)
from orchestration.dbt.graph import Manifest
from orchestration.dbt.kinds import marts
from orchestration.names import REFRESH_JOB, WAREHOUSE_POOL
from orchestration.planning.selection import Basis
from orchestration.publishing.build_inputs import inputs_of_build
from orchestration.publishing.failed_build import noting_failure
from orchestration.selected_build import Built, Prepared, Replay, begin_build, end_build, prepare_build
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.requests import Days

KEPT = "held when it was run last, and nothing that it looks at has changed since"


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
        holding = warehouse_lock(settings, f"Dagster run {context.run_id}", log=context.log.info)
        with holding as lock, noting_failure(settings):
            landing = last_materialization(context.instance, LOG)
            archive = open_archive(settings)
            commits = archive.log.commits()
            replay = replay_of(context)
            prepared = prepare(context, settings, archive, commits, replay)
            run = DbtRun(context, manifest, translator, lock)
            versions = model_versions(
                dbt_models.specs, manifest, archive.contracts, commits, prepared.basis.last
            )
            if context.run.job_name == REFRESH_JOB:
                reports = reports_of_refresh(
                    context, settings, archive, manifest, commits, landing, versions, prepared.state.replays
                )
                basis = prepared.basis if run.is_of_everything else None
                yield from refresh_models(run, settings, archive, commits, basis, reports)
            else:
                for key in context.selected_asset_keys:
                    context.set_data_version(key, dg.DataVersion(versions[key]))
                begun = begin_build(settings, archive.contracts, commits, None)
                yield from run.events(begun.dbt_settings)
                raise_if_failed(end_build(begun, replay.request if replay else None))

    return dbt_models


def prepare(
    context: dg.AssetExecutionContext,
    settings: Settings,
    archive: Archive,
    commits: Sequence[Commit],
    replay: Replay | None,
) -> Prepared:
    """What a build may go by; fails the run where the project can't be built."""
    inputs = inputs_of_build(settings, commits)
    try:
        return prepare_build(settings, archive, inputs, replay=replay, log=context.log.info)
    except UnusableInput as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def mart_keys(models: dg.AssetsDefinition, manifest: Manifest) -> list[dg.AssetKey]:
    """The keys of what is published."""
    published = marts(manifest)
    return [spec.key for spec in models.specs if spec.metadata[UNIQUE_ID] in published]


def reports_of_refresh(
    context: dg.AssetExecutionContext,
    settings: Settings,
    archive: Archive,
    manifest: Manifest,
    commits: Sequence[Commit],
    landing: dg.EventLogRecord | None,
    versions: Mapping[dg.AssetKey, str],
    replayed: Sequence[Days],
) -> ModelReports:
    """Return, before a refresh begins, what is to be reported of each model that it derives."""
    instance = context.instance
    reported_until = report_unreported_commits(
        instance, archive, commits, landing, context.log_event, threads=settings.threads
    )
    after = len(commits) - len(unpublished(settings, instance, commits))
    specs = {spec.metadata[UNIQUE_ID]: spec for spec in context.assets_def.specs}
    days = days_to_mark(instance, manifest, archive, specs, commits, after=after, replayed=replayed)
    return ModelReports(versions, days, event_versions(instance, archive, days), reported_until)


def refresh_models(
    run: DbtRun,
    settings: Settings,
    archive: Archive,
    commits: Sequence[Commit],
    basis: Basis | None,
    reports: ModelReports,
) -> Iterator[Any]:
    """Build what the news can touch, hand on what dbt says, and report each model once it is derived."""
    context, built = run.context, None
    outputs = Outputs(context.assets_def)
    while built is None:
        begun = begin_build(settings, archive.contracts, commits, basis)
        for event in run.events(begun.dbt_settings, begun.selection.arguments):
            if isinstance(event, dg.Output):
                spec = context.assets_def.specs_by_key[context.asset_key_for_output(event.output_name)]
                for materialization in reports.of(spec, event.metadata):
                    context.log_event(materialization)
            yield from outputs.in_order(event)
        # Where the project has changed while a part was built, all is built, some of it once more.
        built, basis = end_build(begun), None
    yield from kept(context, built, reports, outputs)
    raise_if_failed(built)


class Outputs:
    """The outputs of a run as Dagster takes them: each once, and after those of what it is derived from."""

    def __init__(self, models: dg.AssetsDefinition) -> None:
        self._specs = models.specs_by_key
        self._keys = models.keys_by_output_name
        self._names = {key: name for name, key in self._keys.items()}
        self._told: set[object] = set()

    def in_order(self, event: Any) -> Iterator[Any]:
        """What dbt says, after the outputs of what it has kept above: that it has built came before."""
        if isinstance(event, dg.Output):
            yield from self.of(self._keys[event.output_name], event)
        elif not isinstance(event, dg.AssetCheckResult) or self._is_new(event.asset_key, event.check_name):
            yield event

    def of(self, key: dg.AssetKey, output: dg.Output[Any] | None = None) -> Iterator[dg.Output[Any]]:
        """The output of a model, if it has been none yet, after what is missing above it."""
        name = self._names.get(key)
        if name and self._is_new(name):
            for dep in self._specs[key].deps:
                yield from self.of(dep.asset_key)
            yield output or dg.Output(None, name)

    def _is_new(self, *name: object) -> bool:
        is_new = name not in self._told
        self._told.add(name)
        return is_new


def kept(
    context: dg.AssetExecutionContext, built: Built, reports: ModelReports, outputs: Outputs
) -> Iterator[dg.Output[Any] | dg.AssetCheckResult]:
    """The outputs of the models that a refresh kept, or that are not in the project any more, and kept tests.

    What is kept is reported where Dagster has not heard of it yet, because the command line built it.
    """
    models = context.assets_def
    for spec in models.specs:
        unique_id = spec.metadata[UNIQUE_ID]
        if unique_id in built.kept:
            for materialization in reports.unheard(context.instance, spec):
                context.log_event(materialization)
        if unique_id in built.kept or unique_id not in built.manifest["nodes"]:
            yield from outputs.of(spec.key)
    for check in models.check_specs:
        is_chosen = check.key in context.selected_asset_check_keys
        if is_chosen and (check.metadata or {}).get(UNIQUE_ID) in built.kept:
            yield dg.AssetCheckResult(
                passed=True, asset_key=check.asset_key, check_name=check.name, description=KEPT
            )


def replay_of(context: dg.AssetExecutionContext) -> Replay | None:
    """Return the days that a run replays: those of its partitions, if it has any.

    Dagster makes one run of each range of days without a gap, also where a backfill's policy is a single run:
    a backfill of scattered days comes as several runs, one after the other, each with a dbt process of its
    own. `factlog replay --days` derives any set of days in one.
    """
    if context.run.job_name == REFRESH_JOB or not context.has_partition_key_range:
        return None
    run, window = context.run, context.partition_time_window
    request = f"Dagster run {run.root_run_id or run.run_id}"
    return Replay(request, [Days(window.start.date(), window.end.date())])


def raise_if_failed(built: Built | None) -> None:
    """Fail the run where a model or a test of it failed."""
    failed = [check for check in built.checks if not check.passed] if built else []
    if failed:
        reasons = "; ".join(f"{check.name} ({check.detail})" for check in failed)
        raise dg.Failure(f"{len(failed)} node(s) of dbt failed: {reasons}", allow_retries=False)

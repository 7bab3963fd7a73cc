"""dbt models as assets, their tests as asset checks, and one dbt process per run that builds the chosen ones.

Belongs here: what a run of models that a person chose does around that process. Not here: what is built
and recorded (`selected_build`, as for the command line), the process (`dbt_runs`), what dbt's nodes are in
Dagster (`dbt_translator`), which days are marked (`model_partitions`), SQL (`dbt_project/`).

A run of a part, or of days, builds what it was asked for; a refresh is no run of these assets, because those
of days want to be told which (`refreshed_models`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets as make_dbt_assets

from event_archive import Archive, UnusableInput
from event_archive.store.commit import Commit
from orchestration.assets.archive import open_archive
from orchestration.assets.data_versions import model_versions
from orchestration.assets.dbt_runs import DbtRun, chosen_by, raise_if_failed
from orchestration.assets.dbt_translator import Translator
from orchestration.assets.keys import UNIQUE_ID
from orchestration.dbt.graph import Manifest
from orchestration.dbt.kinds import marts
from orchestration.names import WAREHOUSE_POOL
from orchestration.publishing.build_inputs import inputs_of_build
from orchestration.publishing.failed_build import noting_failure
from orchestration.selected_build import Prepared, Replay, begin_build, end_build, prepare_build
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.requests import Days


def dbt_assets(
    settings: Settings, archive: Archive, manifest: Manifest, translator: Translator
) -> dg.AssetsDefinition:
    """Make the assets of every model; a chosen part of them is built by one dbt process."""

    @make_dbt_assets(
        manifest=translator.manifest,
        name="dbt_models",
        dagster_dbt_translator=translator,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=WAREHOUSE_POOL,
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        open_archive(settings)  # before waiting for the lock, whose file would be made beside nothing
        holding = warehouse_lock(settings, f"Dagster run {context.run_id}", log=context.log.info)
        with holding as lock, noting_failure(settings):
            archive = open_archive(settings)
            commits = archive.log.commits()
            replay = replay_of(context)
            prepared = prepare(context, settings, archive, commits, replay)
            versions = model_versions(
                dbt_models.specs, manifest, archive.contracts, commits, prepared.basis.last
            )
            for key in context.selected_asset_keys:
                context.set_data_version(key, dg.DataVersion(versions[key]))
            begun = begin_build(settings, archive.contracts, commits, None)
            chosen, indirect = chosen_by(context, translator)
            run = DbtRun(context, translator, lock, indirect)
            yield from run.events(begun.dbt_settings, chosen)
            raise_if_failed(end_build(begun, replay.request if replay else None))

    return dbt_models


def prepare(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
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
    return Replay(request, [Days(window.start.date(), window.end.date())])

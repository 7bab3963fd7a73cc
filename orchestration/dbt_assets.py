"""dbt models as assets, their tests as asset checks, and one dbt process per run that builds the chosen ones.

Belongs here: how dbt's nodes read in Dagster, and the arguments of its command, as pure functions. Not here:
SQL (`dbt_project/`) and refreshing without Dagster (`refresh`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation
from dagster_dbt import dbt_assets as make_dbt_assets
from dagster_dbt.asset_utils import get_subset_selection_for_context
from packaging.version import Version

from event_archive.archive import Archive
from orchestration.audit import record
from orchestration.data_versions import model_versions, version_tags
from orchestration.dbt_process import dbt_executable
from orchestration.event_reports import event_key
from orchestration.locking import warehouse_lock
from orchestration.names import LOG, REFRESH_JOB, WAREHOUSE_POOL
from orchestration.partitions import days_of, replay_variables
from orchestration.progress import touched_days, unpublished
from orchestration.settings import Settings

EVERYTHING = "fqn:*"
UNIQUE_ID = "dagster_dbt/unique_id"


class Translator(DagsterDbtTranslator):
    """Gives dbt's nodes the keys, groups and partitions that the house uses."""

    def __init__(self, archive: Archive, partitions: dg.DailyPartitionsDefinition) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._events = {contract.view_name: event_key(contract) for contract in archive.contracts.newest()}
        self._partitions = partitions

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Name a model by schema and name; a source is an event type, or the log where it is all of them."""
        if dbt_resource_props["resource_type"] == "source":
            return self._events.get(dbt_resource_props["identifier"], LOG)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["alias"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Group models by their folder: staging, intermediate, marts_billing …"""
        if dbt_resource_props["resource_type"] == "source":
            return None
        return "_".join(dbt_resource_props["fqn"][1:-1]) or "models"

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition[str] | None:
        """Give the models that dbt tags `daily` the days of the events."""
        return self._partitions if "daily" in dbt_resource_props.get("tags", ()) else None

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """Name the owner that dbt declares, else the folder's name as a team."""
        declared = super().get_owners(dbt_resource_props)
        fqn = dbt_resource_props.get("fqn") or ["models"]
        return declared or [f"team:{fqn[-2]}" if len(fqn) > 2 else "team:models"]


def build_arguments(variables: Mapping[str, str]) -> list[str]:
    """Word the dbt command; variables travel as JSON."""
    return ["--no-use-colors", "build", *(["--vars", json.dumps(dict(variables))] if variables else [])]


def build_variables(job_name: str, window: dg.TimeWindow | None) -> dict[str, str]:
    """Decide whether days are replayed: a refresh derives what landed, whatever days it is reported on."""
    return {} if window is None or job_name == REFRESH_JOB else replay_variables(window)


def dbt_environment(settings: Settings, indirect_selection: str | None) -> dict[str, str]:
    """Give the dbt process its settings, and the log format that dagster-dbt reads."""
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
    manifest: Mapping[str, Any],
    partitions: dg.DailyPartitionsDefinition,
) -> dg.AssetsDefinition:
    """Make the assets of every model; a chosen part of them is built by one dbt process."""
    translator = Translator(archive, partitions)

    @make_dbt_assets(
        manifest=manifest,
        name="dbt_models",
        dagster_dbt_translator=translator,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=WAREHOUSE_POOL,
    )
    def dbt_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        window = context.partition_time_window if context.has_partition_key_range else None
        variables = build_variables(context.run.job_name, window)
        with warehouse_lock(settings, f"Dagster run {context.run_id}", say=context.log.info):
            commits = settings.open_archive().log.commits()
            fresh = unpublished(settings, context.instance, commits)
            log_digest = commits[-1].digest if commits else ""
            versions = model_versions(dbt_models.specs, views(dbt_models, manifest), log_digest)
            for key in context.selected_asset_keys:
                context.set_data_version(key, dg.DataVersion(versions[key]))
            yield from build(context, replace(settings, cut=len(commits)), manifest, translator, variables)
        if context.run.job_name == REFRESH_JOB:
            covered = days_of(window) if window else []
            days = [day for day in touched_days(fresh) if day not in covered]
            report_days(context, days, versions)

    return dbt_models


def views(models: dg.AssetsDefinition, manifest: Mapping[str, Any]) -> list[dg.AssetKey]:
    """List the models that are views."""
    nodes = {spec.key: manifest["nodes"][spec.metadata[UNIQUE_ID]] for spec in models.specs}
    return [key for key, node in nodes.items() if node["config"]["materialized"] == "view"]


def report_days(
    context: dg.AssetExecutionContext, days: Sequence[date], versions: Mapping[dg.AssetKey, str]
) -> None:
    """Report the daily models of a refresh on touched days that are not partitions of the run.

    A run over the whole range of days would do so by itself, but for one late event of March it would report
    every day since: 0.02 s per day and model, twice.
    """
    for key in sorted(context.selected_asset_keys):
        spec = context.assets_def.specs_by_key[key]
        inputs = {dep.asset_key: versions.get(dep.asset_key, "") for dep in spec.deps}
        tags = version_tags(versions[key], code_version=spec.code_version or "", inputs=inputs)
        for day in days if spec.partitions_def is not None else ():
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), tags=tags))


def build(
    context: dg.AssetExecutionContext,
    settings: Settings,
    manifest: Mapping[str, Any],
    translator: Translator,
    variables: Mapping[str, str],
) -> Iterator[Any]:
    """Run dbt over the chosen models, hand on what it reports, and remember how its tests ended."""
    selection, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select=EVERYTHING,
        exclude=None,
        selector=None,
        dagster_dbt_translator=translator,
        current_dbt_indirect_selection_env=None,
    )
    (settings.dbt_target / "run_results.json").unlink(missing_ok=True)
    # Not through DbtCliResource: it asks `dbt --version` first, which asks the package index on the internet,
    # and opens an adapter on the warehouse in this process as well.
    invocation = DbtCliInvocation.run(
        args=[dbt_executable(), *build_arguments(variables), *selection],
        env=dbt_environment(settings, indirect),
        manifest=manifest,
        dagster_dbt_translator=translator,
        project_dir=settings.dbt_project,
        target_path=settings.dbt_target,
        raise_on_error=False,
        context=context,
        adapter=None,
        cli_version=Version(version("dbt-core")),
    )
    yield from invocation.stream()
    if not (settings.dbt_target / "run_results.json").exists():
        raise dg.Failure(description=f"dbt could not work: {invocation.get_error()}", allow_retries=False)
    failed = [check for check in record(settings) if not check.passed]
    if failed:
        reasons = "; ".join(f"{check.name} ({check.detail})" for check in failed)
        raise dg.Failure(description=f"{len(failed)} node(s) of dbt failed: {reasons}", allow_retries=False)

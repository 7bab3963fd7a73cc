"""A refresh of the models as Dagster reports it: what is derived, by day where it is daily, and all tests.

Belongs here: what a refresh does around dbt. Not here: the job (`automation.refresh_job`), which days are
marked (`model_partitions`), what a table holds (`table_details`), and models that a person chose (`models`).

It is an op and no run of the models' assets: Dagster asks for a partition where any of these has days, and a
refresh is of whatever days the news touches. A model that is kept has no new materialization; a test that is
kept holds. What is derived is reported once dbt has ended: until then nobody else may read the warehouse.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import AssetMaterializationPlannedData

from event_archive import Archive
from event_archive.store.commit import Commit
from orchestration.assets.archive import open_archive
from orchestration.assets.cursors import last_materialization, unpublished
from orchestration.assets.data_versions import model_versions
from orchestration.assets.dbt_events import evaluations, shown
from orchestration.assets.dbt_runs import DbtRun, raise_if_failed
from orchestration.assets.dbt_translator import Translator
from orchestration.assets.keys import LOG, UNIQUE_ID
from orchestration.assets.model_partitions import (
    ModelReports,
    days_to_mark,
    event_versions,
    report_unreported_commits,
)
from orchestration.assets.models import prepare
from orchestration.assets.table_details import ROW_COUNT, ShownTables
from orchestration.assets.unit_tests import results_of_build
from orchestration.contract_tools.event_lineage import known_lineage
from orchestration.dbt.graph import Manifest
from orchestration.planning.selection import Basis
from orchestration.publishing.failed_build import noting_failure
from orchestration.selected_build import Built, Prepared, Replay, begin_build, end_build
from orchestration.settings import Settings
from orchestration.warehouse.lock import warehouse_lock
from orchestration.warehouse.requests import Days

KEPT = "held when it was run last, and nothing that it looks at has changed since"
Events = Iterator[dg.AssetMaterialization | AssetCheckEvaluation]


@dataclass(frozen=True)
class RefreshedModels:
    """The models of an installation, as the definitions know them."""

    settings: Settings
    manifest: Manifest
    translator: Translator
    models: dg.AssetsDefinition

    def refresh(self, context: dg.OpExecutionContext, days: Sequence[Days] = ()) -> Events:
        """Build what the news can touch, and these days again; report what was derived, and all tests."""
        open_archive(self.settings)  # before waiting for the lock, whose file would be made beside nothing
        holder = f"Dagster run {context.run_id}"
        holding = warehouse_lock(self.settings, holder, log=context.log.info)
        with holding as lock, noting_failure(self.settings):
            landing = last_materialization(context.instance, LOG)
            archive = open_archive(self.settings)
            commits = archive.log.commits()
            request = f"Dagster run {context.run.root_run_id or context.run_id}"
            replay = Replay(request, days) if days else None
            prepared = prepare(context, self.settings, archive, commits, replay)
            reports = self._reports(context, archive, commits, landing, prepared)
            said = Said()
            built = self._build(context, archive, commits, prepared.basis, lock, said)
            tables = ShownTables(
                self.settings, built.manifest, archive.contracts, known_lineage(self.settings, built.manifest)
            )
            yield from self._told(context.instance, built, reports, said, tables)
            raise_if_failed(built)

    def _reports(
        self,
        context: dg.OpExecutionContext,
        archive: Archive,
        commits: Sequence[Commit],
        landing: dg.EventLogRecord | None,
        prepared: Prepared,
    ) -> ModelReports:
        """What is to be reported of each model that a refresh derives, before it begins."""
        settings, instance, specs = self.settings, context.instance, self.models.specs
        versions = model_versions(specs, self.manifest, archive.contracts, commits, prepared.basis.last)
        reported_until = report_unreported_commits(
            instance, settings, archive, commits, landing, context.log_event
        )
        days = days_to_mark(
            instance,
            settings,
            self.manifest,
            archive,
            {spec.metadata[UNIQUE_ID]: spec for spec in specs},
            commits,
            after=len(commits) - len(unpublished(settings, instance, commits)),
            replayed=prepared.state.replays,
        )
        return ModelReports(versions, days, event_versions(instance, archive, days), reported_until)

    @staticmethod
    def _is_unheard(
        instance: dg.DagsterInstance, spec: dg.AssetSpec, built: Built, reports: ModelReports
    ) -> bool:
        """Whether a model is kept, and Dagster has not heard of it: the command line has built it."""
        return spec.metadata[UNIQUE_ID] in built.kept and reports.is_unheard(instance, spec)

    def _build(
        self,
        context: dg.OpExecutionContext,
        archive: Archive,
        commits: Sequence[Commit],
        basis: Basis | None,
        lock: int,
        said: "Said",
    ) -> Built:
        """Build; where the project has changed while a part was built, all of it, some of it once more."""
        run = DbtRun(context, self.translator, lock)
        while True:
            begun = begin_build(self.settings, archive.contracts, commits, basis)
            self._announce(context, begun.selection.kept)
            for event in run.events(begun.dbt_settings, begun.selection.arguments):
                said.add(event)
            if built := end_build(begun):
                return built
            basis = None

    def _announce(self, context: dg.OpExecutionContext, kept: Collection[str]) -> None:
        """Say which models are about to be derived, as a run of assets does: Dagster shows them under way."""
        for spec in self.models.specs:
            if spec.metadata[UNIQUE_ID] not in kept:
                planned = dg.DagsterEvent.build_asset_materialization_planned_event(
                    context.job_name, str(context.op_handle), AssetMaterializationPlannedData(spec.key)
                )
                context.instance.report_dagster_event(planned, context.run_id)

    def _told(
        self,
        instance: dg.DagsterInstance,
        built: Built,
        reports: ModelReports,
        said: "Said",
        tables: ShownTables,
    ) -> Events:
        """What was derived, what was kept and Dagster has not heard of yet, and how every test fared."""
        known = [spec for spec in self.models.specs if spec.metadata[UNIQUE_ID] in built.manifest["nodes"]]
        news = [
            spec
            for spec in known
            if spec.key in said.models or self._is_unheard(instance, spec, built, reports)
        ]
        details = tables.read(news)
        for spec in news:
            metadata, held = dict(said.models.get(spec.key, {})), details[spec.key]
            metadata |= tables.metadata(spec, held, rows_of(last_materialization(instance, spec.key)))
            yield from reports.of(spec, metadata, held.by_day if held.rows is not None else None)
        results: dict[dg.AssetCheckKey, dg.AssetCheckResult | AssetCheckEvaluation] = {
            check.key: dg.AssetCheckResult(
                passed=True, asset_key=check.asset_key, check_name=check.name, description=KEPT
            )
            for check in self.models.check_specs
            if (check.metadata or {}).get(UNIQUE_ID) in built.kept
        }
        results |= results_of_build(self.models, self.manifest, built)
        yield from evaluations(instance, (results | said.checks).values())


def rows_of(record: dg.EventLogRecord | None) -> int | None:
    """How many rows a table had when it was reported; None where nobody said."""
    materialization = record.asset_materialization if record else None
    value = materialization.metadata.get(ROW_COUNT) if materialization else None
    return value.value if isinstance(value, dg.IntMetadataValue) else None


class Said:
    """What dbt says of models and tests, the last time that it says it of each."""

    def __init__(self) -> None:
        self.models: dict[dg.AssetKey, Mapping[str, Any]] = {}
        self.checks: dict[dg.AssetCheckKey, AssetCheckEvaluation] = {}

    def add(self, event: object) -> None:
        """Keep what is said; of a test that no asset has as a check, the record of builds knows."""
        if isinstance(event, dg.AssetMaterialization):
            self.models[event.asset_key] = shown(event.metadata)
        elif isinstance(event, AssetCheckEvaluation):
            self.checks[event.asset_check_key] = event

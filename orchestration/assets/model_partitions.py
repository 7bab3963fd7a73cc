"""What is reported of the models that a refresh derived: each of them, by day where it is daily.

Belongs here: which days of which models a refresh marks, with what versions and inputs. Not here: on which
days events arrived (`planning.arrivals`), and running dbt (`models`).

A refresh runs as one partition, but the days that it brings up to date differ by model. So Dagster must
mark none by itself: the run has a tag that keeps it from that (`names.REPORTS_ITSELF`) and logs what
follows here. A run without a partition is no way out: Dagster fails it, because the events that models
read have days.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from event_archive import Archive
from event_archive.store.commit import Commit
from orchestration.assets.cursors import last_materialization, sequence_of
from orchestration.assets.data_versions import is_of_code, version_of, version_tags, versions_by_day
from orchestration.assets.event_partitions import event_key
from orchestration.assets.log_reports import report_commits
from orchestration.assets.partitions import span_of_days
from orchestration.dbt.graph import Manifest, views_of
from orchestration.planning.arrivals import arrival_days, arrivals
from orchestration.planning.key_counts import read_corrections
from orchestration.planning.plan import corrected_days, of_views
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days

Specs = Mapping[str, dg.AssetSpec]
"""The models by their unique ids in dbt."""
DayVersions = Mapping[dg.AssetKey, Mapping[str, str]]


@dataclass(frozen=True)
class ModelReports:
    """What to report of each model: its version, the days to mark, and the versions of the events on them.

    `reported_until`: the id of Dagster's last record of the days of events.
    """

    versions: Mapping[dg.AssetKey, str]
    days: Mapping[dg.AssetKey, Sequence[str]]
    events: DayVersions
    reported_until: int | None

    def of(
        self,
        spec: dg.AssetSpec,
        metadata: Mapping[str, Any],
        rows_by_day: Mapping[str, int] | None = None,
    ) -> Iterator[dg.AssetMaterialization]:
        """The materializations of a derived model; none where it is daily and no day is to be marked.

        `rows_by_day`: how many rows each day has, where that is known. What is true of the whole table is
        said once, with the last day that is marked.
        """
        days = self.days.get(spec.key, ()) if spec.partitions_def else (None,)
        for day in days:
            said = dict(metadata) if day == days[-1] else {}
            if day is not None and rows_by_day is not None:
                said["dagster/partition_row_count"] = rows_by_day.get(day, 0)
            inputs = {dep.asset_key: self._input(dep.asset_key, day) for dep in spec.deps}
            tags = version_tags(
                self.versions[spec.key],
                code_version=spec.code_version or "",
                inputs=inputs,
                reported_until=self.reported_until,
            )
            yield dg.AssetMaterialization(spec.key, partition=day, metadata=said, tags=tags)

    def is_unheard(self, instance: dg.DagsterInstance, spec: dg.AssetSpec) -> bool:
        """Whether Dagster has no materialization of this version of a model that is kept.

        A day that is to be marked has none: it is one of the news that Dagster has not heard of.
        """
        if spec.partitions_def:
            return bool(self.days.get(spec.key))
        return version_of(last_materialization(instance, spec.key)) != self.versions[spec.key]

    def _input(self, key: dg.AssetKey, day: str | None) -> str:
        return self.versions.get(key) or self.events.get(key, {}).get(day or "", "no_events")


def report_unreported_commits(
    instance: dg.DagsterInstance,
    settings: Settings,
    archive: Archive,
    commits: Sequence[Commit],
    landing: dg.EventLogRecord | None,
    log: Callable[[dg.AssetMaterialization], None],
) -> int | None:
    """Report the commits that no landing has reported; returns the id of the newest record about events.

    Otherwise the landing that reports them later would make days look stale that are up to date. `landing`
    is the last record of the log, looked up before the commits were read.
    """
    report = report_commits(instance, settings, archive, commits, sequence_of(landing, commits), log)
    if report.fresh:
        log(report.materialization())
    records = [landing, *(last_materialization(instance, key) for key in report.keys)]
    return max((record.storage_id for record in records if record), default=None)


def days_to_mark(
    instance: dg.DagsterInstance,
    settings: Settings,
    manifest: Manifest,
    archive: Archive,
    specs: Specs,
    commits: Sequence[Commit],
    *,
    after: int,
    replayed: Sequence[Days],
) -> dict[dg.AssetKey, list[str]]:
    """The days that a refresh brings up to date, per daily model.

    Those on which events of the commits after a sequence lie, or on which their corrections take effect;
    those that it replays, because a backfill was killed; those that other code derived last; and those
    that nothing was said of yet, because nothing happened on them: they are done as well.
    """
    span = span_of_days(settings, commits).each() if commits else []
    with_arrivals = arrival_days(manifest, arrivals(commits, archive.contracts, after))
    corrections = read_corrections(archive, commits) if len(commits) > after else []
    marked = {}
    for unique_id, spec in specs.items():
        if spec.partitions_def is None:
            continue
        corrected = of_views(views_of(manifest, unique_id), corrections)
        new = {*with_arrivals.get(unique_id, ()), *corrected_days(corrected, after)}
        days = {day.isoformat() for day in new}
        if replayed:
            days |= {
                day
                for day in spec.partitions_def.get_partition_keys()
                if any(date.fromisoformat(day) in range_of_days for range_of_days in replayed)
            }
        versions = versions_by_day(instance, spec.key)
        days |= {day.isoformat() for day in span} - versions.keys()
        days |= {day for day, version in versions.items() if not is_of_code(version, spec.code_version or "")}
        marked[spec.key] = sorted(days)
    return marked


def event_versions(
    instance: dg.DagsterInstance, archive: Archive, days: Mapping[dg.AssetKey, Sequence[str]]
) -> DayVersions:
    """Return the versions of all events on these days."""
    wanted = sorted({day for of_model in days.values() for day in of_model})
    keys = [event_key(contract) for contract in archive.contracts.newest()]
    return {key: versions_by_day(instance, key, wanted) for key in keys}

"""Running jobs of a small installation in this process, and reading what they reported.

Belongs here: what tests of orchestration share. Not here: the installation itself (`installation`), tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from orchestration.build import build_definitions
from orchestration.dev import prepare_instance
from orchestration.settings import Settings

Reported = dict[tuple[str, str | None], dg.AssetMaterialization]
WRITTEN = dg.AssetKey(["events", "note", "written"])
READ = dg.AssetKey(["events", "note", "read"])
NOTES = dg.AssetKey(["writing", "notes"])


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance that `make dev` would use."""
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        yield instance


def run(
    settings: Settings, instance: dg.DagsterInstance, job: str, config: dict[str, Any] | None = None
) -> dg.ExecuteInProcessResult:
    """Run a job as the daemon would."""
    definition = build_definitions(settings).resolve_job_def(job)
    return definition.execute_in_process(run_config=config, instance=instance, raise_on_error=False)


def materialize(
    settings: Settings, instance: dg.DagsterInstance, keys: list[dg.AssetKey], days: tuple[str, str]
) -> dg.ExecuteInProcessResult:
    """Run what the UI runs when somebody materializes a range of partitions of assets."""
    definition = build_definitions(settings).resolve_implicit_global_asset_job_def()
    return definition.execute_in_process(
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": days[0],
            "dagster/asset_partition_range_end": days[1],
        },
        asset_selection=keys,
        raise_on_error=False,
    )


def materializations(
    result: dg.ExecuteInProcessResult,
) -> dict[tuple[str, str | None], dg.AssetMaterialization]:
    """The materializations that a run reported, by asset and partition."""
    reported: Reported = {}
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            reported[materialization.asset_key.to_user_string(), materialization.partition] = materialization
    return reported


def failure(result: dg.ExecuteInProcessResult) -> str:
    """The message that a run failed with."""
    [event] = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data
    assert data.user_failure_data is not None, data.error
    return data.user_failure_data.description or ""

"""What dbt says of its nodes, as Dagster shows it: words and numbers for people, no ids of dbt's.

Belongs here: the metadata of a node's result, and a check as an op reports it. Not here: running dbt
(`dbt_runs`), and what is reported of models besides (`refreshed_models`).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationTargetMaterializationData,
)

from orchestration.assets.cursors import last_materialization

SHOWN_AS = {"Execution Duration": "seconds", "dagster_dbt/failed_row_count": "rows that fail"}
NOT_SHOWN = {"unique_id", "invocation_id", "status"}


def shown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What people are shown of a result of dbt."""
    return {SHOWN_AS.get(name, name): value for name, value in metadata.items() if name not in NOT_SHOWN}


def with_shown_metadata(event: Any) -> Any:
    """The same event of dbt with what people are shown of it."""
    if isinstance(event, dg.Output):
        return dg.Output(None, event.output_name, metadata=shown(event.metadata))
    if isinstance(event, dg.AssetCheckResult):
        return dg.AssetCheckResult(
            passed=event.passed,
            asset_key=event.asset_key,
            check_name=event.check_name,
            metadata=shown(event.metadata),
            severity=event.severity,
        )
    return event


def evaluations(
    instance: dg.DagsterInstance, results: Iterable[dg.AssetCheckResult | AssetCheckEvaluation]
) -> Iterator[AssetCheckEvaluation]:
    """Checks as an op reports them: of the last materialization of their asset."""
    last = cache(partial(last_materialization, instance))  # an asset has many checks
    for result in results:
        assert result.asset_key is not None and result.check_name is not None
        record = last(result.asset_key)
        target = record and AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        yield AssetCheckEvaluation(
            asset_key=result.asset_key,
            check_name=result.check_name,
            passed=result.passed,
            metadata=shown(result.metadata),
            target_materialization_data=target or None,
            severity=result.severity,
            description=result.description,
        )

"""Data versions: what Dagster compares to tell whether something is out of date.

Belongs here: the version of a model as a function of log and code, and the tags that say what a
materialization was made of. Not here: the digest of a day's facts (the archive's), and that of a model's code
(`warehouse.model_code`).

A version says what an asset was made of. A view is its code, so it stays the same while the log grows; a
table is its code and the commits that brought what it is derived from. Without this, every day ever derived
would look unsynced after every refresh, because Dagster takes each rebuilt view for a new one; and what a
refresh keeps would look as if it were not up to date.
"""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from event_archive.registry.contract import Contracts
from event_archive.store.commit import Commit
from orchestration.assets.keys import UNIQUE_ID
from orchestration.dbt.graph import Manifest
from orchestration.dbt.kinds import is_without_events
from orchestration.planning.selection import input_digests
from orchestration.warehouse.outcomes import BuiltFrom

# The log only grows: what it says about a day stays true when more is added to it.
LOG_VERSION = "append-only"


def version_tags(
    version: str, *, code_version: str, inputs: Mapping[dg.AssetKey, str], reported_until: int | None = None
) -> dict[str, str]:
    """Return the tags of a materialization: its version, and the code and inputs that it was made from.

    `reported_until`: the id of Dagster's last record of partitioned inputs that was known; a record of one of
    them after it that has another version makes this one stale.
    """
    tags = {DATA_VERSION_TAG: version, CODE_VERSION_TAG: code_version}
    for key, input_version in inputs.items():
        tags[get_input_data_version_tag(key)] = input_version
        tags[get_input_event_pointer_tag(key)] = (
            NULL_EVENT_POINTER if reported_until is None else str(reported_until)
        )
    return tags


def model_versions(
    specs: Iterable[dg.AssetSpec],
    manifest: Manifest,
    contracts: Contracts,
    commits: Sequence[Commit],
    last: BuiltFrom,
) -> dict[dg.AssetKey, str]:
    """Return the version of every model over one cut of the log; its code is that of all models below it.

    `last`: it knows of which nodes nobody can say what they are made of: these count as made of all.
    """
    made_of = input_digests(manifest, contracts, commits, "", last)
    log_digest = commits[-1].digest if commits else ""
    versions = {}
    for spec in specs:
        unique_id, code = spec.metadata[UNIQUE_ID], spec.code_version or ""
        news = made_of.get(unique_id, log_digest)[:16]
        versions[spec.key] = code if is_without_events(manifest["nodes"][unique_id]) else f"{code}-{news}"
    return versions


def is_of_code(version: str, code_version: str) -> bool:
    """Whether a version of a model says that this code made it."""
    return version.partition("-")[0] == code_version


def versions_by_day(
    instance: dg.DagsterInstance, key: dg.AssetKey, days: Iterable[str] | None = None
) -> dict[str, str]:
    """Return the version of each materialized day of an asset, or of these days, by one query."""
    if days is not None and not (days := list(days)):
        return {}
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        key,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        [DATA_VERSION_TAG],
        asset_partitions=days,
    )
    return {day: of_day[DATA_VERSION_TAG] for day, of_day in tags.items()}


def version_of(record: dg.EventLogRecord | None) -> str:
    """Return the version of a materialization; empty where there is none."""
    materialization = record.asset_materialization if record else None
    return (materialization.tags or {}).get(DATA_VERSION_TAG, "") if materialization else ""

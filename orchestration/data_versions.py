"""Data versions: what Dagster compares to tell whether something is out of date.

Belongs here: the version of a model as a function of log and code, and the tags that say what a
materialization was made of. Not here: the digest of a day's facts (the archive's).

A version says what a thing was made of. A view is its SQL, so it stays the same while the log grows; a table
is its SQL and the log it was derived from. Without this, every day ever derived would look unsynced after
every refresh, because Dagster takes each rebuilt view for a new one.
"""

import hashlib
from collections.abc import Iterable, Mapping

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

# The log only grows: what it says about a day stays true when more is added to it.
LOG_VERSION = "append-only"


def version_tags(version: str, *, code_version: str, inputs: Mapping[dg.AssetKey, str]) -> dict[str, str]:
    """Say with what version, from which code and which inputs a materialization was made."""
    tags = {DATA_VERSION_TAG: version, CODE_VERSION_TAG: code_version}
    for key, input_version in inputs.items():
        tags[get_input_data_version_tag(key)] = input_version
        tags[get_input_event_pointer_tag(key)] = NULL_EVENT_POINTER
    return tags


def model_versions(
    specs: Iterable[dg.AssetSpec], views: Iterable[dg.AssetKey], log_digest: str
) -> dict[dg.AssetKey, str]:
    """Compute the version of every model over one cut of the log."""
    by_key = {spec.key: spec for spec in specs}
    view_keys = set(views)
    versions: dict[dg.AssetKey, str] = {}

    def version(key: dg.AssetKey) -> str:
        if key not in versions:
            spec = by_key[key]
            parents = sorted(version(dep.asset_key) for dep in spec.deps if dep.asset_key in by_key)
            made_of = [spec.code_version or "", "" if key in view_keys else log_digest, *parents]
            versions[key] = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:32]
        return versions[key]

    for key in by_key:
        version(key)
    return versions

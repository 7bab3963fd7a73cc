"""How far along the log everybody is: what Dagster has heard of, and what the served version holds.

Belongs here: comparing the log with those two. Not here: what is done about it (`automation`). Nobody keeps a
cursor of their own: an asset's last materialization notes the log's sequence and digest, and so does the
manifest of a published version.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import dagster as dg

from event_archive.store.commit import Commit, is_of
from orchestration.assets.keys import REPORTING
from orchestration.dataset.versions import served_version
from orchestration.settings import Settings


def last_reported_sequence(instance: dg.DagsterInstance, key: dg.AssetKey, commits: Sequence[Commit]) -> int:
    """Tell up to which commit an asset was told to Dagster; 0 where that was of another log, or never."""
    return noted_in(last_record(instance, key), commits)


def last_record(instance: dg.DagsterInstance, key: dg.AssetKey) -> dg.EventLogRecord | None:
    """Find the last materialization of an asset."""
    return next(iter(instance.fetch_materializations(key, limit=1).records), None)


def noted_in(record: dg.EventLogRecord | None, commits: Sequence[Commit]) -> int:
    """Read the commit that a materialization notes; 0 where that is of another log."""
    if record is None or record.asset_materialization is None:
        return 0
    metadata = record.asset_materialization.metadata
    sequence, digest = metadata["sequence"].value, metadata["digest"].value
    assert isinstance(sequence, int)
    return sequence if is_of(commits, sequence, str(digest)) else 0


def unpublished(
    settings: Settings, instance: dg.DagsterInstance, commits: Sequence[Commit]
) -> Sequence[Commit]:
    """List the commits that the served version does not hold, or that no refresh has told Dagster of yet.

    A refresh by the command line leaves the second kind: without another one its models would look stale.
    """
    served = served_version(settings)
    held = served.sequence_in(commits) if served else 0
    return commits[min(held, last_reported_sequence(instance, REPORTING, commits)) :]


def touched_days(commits: Iterable[Commit]) -> list[date]:
    """List the days that these commits brought events of."""
    days = {day for commit in commits for segment in commit.segments for day in segment.days}
    return [date.fromisoformat(day) for day in sorted(days)]

"""How far along the log Dagster and the served version are.

Belongs here: comparing the log with those two. Not here: what is done about it (`automation`). Nobody keeps a
cursor of their own: an asset's last materialization holds the log's sequence and digest, and so does the
manifest of a published version.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import dagster as dg

from event_archive.store.commit import Commit, is_of
from orchestration.assets.keys import REPORTING
from orchestration.dataset.version_marks import last_published
from orchestration.settings import Settings


def last_reported_sequence(instance: dg.DagsterInstance, key: dg.AssetKey, commits: Sequence[Commit]) -> int:
    """Return the commit up to which an asset was reported; 0 where that was of another log, or never."""
    return sequence_of(last_materialization(instance, key), commits)


def last_materialization(instance: dg.DagsterInstance, key: dg.AssetKey) -> dg.EventLogRecord | None:
    """Return the last materialization of an asset, if there is any."""
    return next(iter(instance.fetch_materializations(key, limit=1).records), None)


def sequence_of(record: dg.EventLogRecord | None, commits: Sequence[Commit]) -> int:
    """Return the sequence in a materialization's metadata; 0 where that is of another log."""
    if record is None or record.asset_materialization is None:
        return 0
    metadata = record.asset_materialization.metadata
    sequence, digest = metadata["sequence"].value, metadata["digest"].value
    assert isinstance(sequence, int)
    return sequence if is_of(commits, sequence, str(digest)) else 0


def unpublished(
    settings: Settings, instance: dg.DagsterInstance, commits: Sequence[Commit]
) -> Sequence[Commit]:
    """Return the commits that the served version does not hold, or that no refresh has reported yet.

    A refresh by the command line leaves the second kind: without another one its models would look stale.
    """
    served = last_published(settings)
    held = served.sequence_in(commits) if served else 0
    return commits[min(held, last_reported_sequence(instance, REPORTING, commits)) :]


def days_of_commits(commits: Iterable[Commit]) -> list[date]:
    """Return the days that these commits brought events of, or took events from."""
    segments = (segment for commit in commits for segment in (*commit.segments, *commit.replaces))
    days = {day for segment in segments for day in segment.days}
    return [date.fromisoformat(day) for day in sorted(days)]

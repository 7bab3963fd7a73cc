"""Planning a build before it runs: reading all that a plan needs, and what it comes to.

Belongs here: the one place that reads the log, the warehouse and the archive for a plan, and the estimate of
a replay. Not here: what follows from what was read (`plan`), and what the command line makes of it.
Nothing is written, nobody is waited for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from event_archive import Archive
from event_archive.store.commit import segments_of
from orchestration.dataset.version_marks import last_published
from orchestration.dbt.process import load_manifest
from orchestration.planning.key_counts import count_keys, read_corrections
from orchestration.planning.plan import Plan, plan
from orchestration.planning.replay_days import RequestedDays
from orchestration.settings import Settings
from orchestration.warehouse.build_history import ExpectedDuration, expected_duration
from orchestration.warehouse.state import read_if_free


@dataclass(frozen=True)
class Planned:
    """A plan, the version that is served meanwhile, the keys that each fact derives again, and how long."""

    plan: Plan
    version: int | None
    keys: Mapping[str, int]
    expected: ExpectedDuration


@dataclass(frozen=True)
class Estimate:
    """What a replay reads: files and events of the requested days, and the plan of the build that does it."""

    days: int
    files: int
    rows: int
    planned: Planned


def plan_build(settings: Settings, *, from_nothing: bool = False) -> Planned:
    """Return what a refresh would do now; raises UnusableInput."""
    return plan_over(settings, settings.open_archive(), from_nothing=from_nothing)


def plan_over(
    settings: Settings,
    archive: Archive,
    requested: RequestedDays | None = None,
    *,
    from_nothing: bool = False,
    keep: bool = False,
) -> Planned:
    """Return what a build over an open archive would do; `keep`: as for `load_manifest`."""
    manifest, commits = load_manifest(settings, keep=keep), archive.log.commits()
    state = read_if_free(settings, manifest, archive, len(commits))
    version = last_published(settings)
    corrections = read_corrections(archive, commits)
    planned = plan(
        manifest,
        archive.contracts,
        commits,
        state,
        served=version.sequence_in(commits) if version else 0,
        corrections=corrections,
        replay=requested.ranges if requested else (),
        from_nothing=from_nothing,
    )
    return Planned(
        planned,
        version.number if version else None,
        count_keys(settings, archive, manifest, commits, planned),
        expected_duration(planned.rows, state.durations),
    )


def estimate(
    settings: Settings, archive: Archive, requested: RequestedDays, *, keep: bool = False
) -> Estimate:
    """Return what a replay of these days would read, and how long it would take.

    `keep`: the replay follows, and need not parse the project again.
    """
    files = rows = 0
    for segment in segments_of(archive.log.commits()):
        on_days = sum(number for day, number in segment.days.items() if date.fromisoformat(day) in requested)
        if on_days and segment.type in archive.contracts:
            files, rows = files + 1, rows + on_days
    return Estimate(requested.days, files, rows, plan_over(settings, archive, requested, keep=keep))

"""Planning a build before it runs: reading all that a plan needs, and what it comes to.

Belongs here: the one place that reads the log, the warehouse and the archive for a plan, and the estimate of
a replay. Not here: what follows from what was read (`refresh_plan`), and what the command line makes of it.
Nothing is written, nobody is waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from event_archive.archive import Archive
from event_archive.store.commit import Commit, segments_of
from orchestration.dataset.versions import served_version
from orchestration.dbt.graph import Manifest
from orchestration.dbt.process import load_manifest
from orchestration.planning.key_counts import count_keys, read_corrections
from orchestration.planning.plan import Plan, plan
from orchestration.planning.replay_days import Asked
from orchestration.settings import Settings
from orchestration.warehouse.build_history import Expected, expected
from orchestration.warehouse.state import WarehouseState, read_if_free


@dataclass(frozen=True)
class Planned:
    """A plan, the version that is served meanwhile, the keys that each fact derives again, and how long."""

    plan: Plan
    version: int | None
    keys: Mapping[str, int]
    expected: Expected


@dataclass(frozen=True)
class Estimate:
    """What a replay reads: files and events of the days asked for, and the plan of the build that does it."""

    days: int
    files: int
    rows: int
    planned: Planned


def plan_build(settings: Settings, asked: Asked | None = None, *, from_nothing: bool = False) -> Planned:
    """Tell what a refresh would do now, or a replay of these days."""
    return plan_over(settings, settings.open_archive(), asked, from_nothing=from_nothing)


def plan_over(
    settings: Settings, archive: Archive, asked: Asked | None = None, *, from_nothing: bool = False
) -> Planned:
    """Return what a refresh of an open archive would do now, or a replay of these days."""
    manifest, commits = load_manifest(settings, keep=False), archive.log.commits()
    state = read_if_free(settings, manifest, archive, len(commits))
    return planned(settings, archive, manifest, commits, state, asked, from_nothing=from_nothing)


def planned(
    settings: Settings,
    archive: Archive,
    manifest: Manifest,
    commits: Sequence[Commit],
    state: WarehouseState,
    asked: Asked | None = None,
    *,
    from_nothing: bool = False,
) -> Planned:
    """Plan over a state that was read."""
    version = served_version(settings)
    served = version.sequence_in(commits) if version else 0
    corrections = read_corrections(archive, commits)
    made = plan(
        manifest,
        archive.contracts,
        commits,
        state,
        served=served,
        corrections=corrections,
        replay=asked.ranges if asked else (),
        from_nothing=from_nothing,
    )
    keys = count_keys(settings, archive, manifest, commits, made, corrections)
    return Planned(made, version.number if version else None, keys, expected(made.rows, state.history))


def estimate(settings: Settings, asked: Asked) -> Estimate:
    """Tell what a replay of these days would read, and how long it would take."""
    archive = settings.open_archive()
    files = rows = 0
    for segment in segments_of(archive.log.commits()):
        on_days = sum(number for day, number in segment.days.items() if date.fromisoformat(day) in asked)
        if on_days and segment.type in archive.contracts:
            files, rows = files + 1, rows + on_days
    return Estimate(asked.days, files, rows, plan_over(settings, archive, asked))

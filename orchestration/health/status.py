"""Collecting where an installation stands: from the log, manifests and notes, without an engine.

Belongs here: which file says what, and which of it is a problem. Not here: the values and what follows from
them (`standing`), words (`status_report`). Nothing is written, and no dbt is started.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from event_archive import UnusableInput
from event_archive.landing.inbox_listing import InboxListing, list_inbox
from event_archive.store.commit import LANDING, RECOVERY, Commit, is_of, segments_of
from event_archive.store.local import has_archive
from event_archive.views.corrections import count_corrections
from orchestration.dataset.version_marks import RELEASE, last_published
from orchestration.dataset.versions import Version, is_intact, served_version
from orchestration.health.dagster_history import failed_checks, is_any_under_way, newest_runs
from orchestration.health.standing import (
    ArchiveStanding,
    LastLanding,
    Problem,
    RefreshStanding,
    ServedStanding,
    Standing,
    WaitingStanding,
)
from orchestration.names import LAND_JOB, NIGHTLY_JOB, REFRESH_JOB
from orchestration.publishing.build_inputs import (
    CORRECTIONS_WAITING,
    digest_of_code,
    read_note,
    warehouse_stamps,
)
from orchestration.publishing.failed_build import last_failure
from orchestration.settings import Settings
from orchestration.warehouse.lock import shared_lock

NIGHTLY_CHECKS = {
    "archive_complete": "factlog verify",
    "replay_gives_the_same": "factlog replay --verify",
}
SHOWN = 3
OTHER_LOG = "{}: version {} was derived from another log than the one that is there"


def collect(settings: Settings) -> Standing:
    """Collect where things stand; raises UnusableInput where the log can't be read."""
    project = str(settings.project) if settings.project else None
    if is_new(settings):
        return Standing(str(settings.home), project, problems=(first_step(settings),))
    commits = settings.open_archive(reads_contracts=False).log.commits()
    inbox = list_inbox(settings.inbox)
    note = read_note(settings)
    problems: list[Problem] = []
    served = read_served(settings, commits, problems)
    published = read_published(settings, problems) if served else None
    refresh = expected(settings, commits, published)
    problems += [
        *of_publishing(settings, refresh),
        *of_dagster(settings, refresh),
        *of_inbox(settings, inbox),
    ]
    return Standing(
        home=str(settings.home),
        project=project,
        archive=of_archive(commits),
        waiting=of_waiting(commits, inbox, note.get(CORRECTIONS_WAITING)),
        served=of_served(served, commits, is_held=served != published) if served else None,
        refresh=refresh,
        problems=tuple(problems),
    )


def is_new(settings: Settings) -> bool:
    """Whether a project has no archive yet: its home lies in it, and nothing was derived there.

    A home elsewhere that has none is a disk that is not mounted, or a path that is misspelt.
    """
    project, home = settings.project, settings.home
    if project is None or project not in home.parents or has_archive(settings.archive_root):
        return False
    return not settings.warehouse.exists() and not any(settings.published.glob("reporting*"))


def first_step(settings: Settings) -> Problem:
    """What to do first in a project that was just made: there may be a few events to begin with."""
    sample = settings.project and (settings.project / "events").is_dir()
    return Problem("nothing has landed yet", "factlog land events" if sample else "factlog land PATH")


def of_archive(commits: Sequence[Commit]) -> ArchiveStanding:
    """What the archive holds."""
    last = commits[-1] if commits else None
    return ArchiveStanding(
        commits=len(commits),
        events=sum(segment.rows for segment in segments_of(commits)),
        head_digest=last.digest if last else "",
        last_landing=(
            LastLanding(
                last.sequence, last.landed_at, last.origin, last.counts.accepted, last.counts.rejected
            )
            if last
            else None
        ),
        newest_event_at=newest_event(commits),
    )


def newest_event(commits: Sequence[Commit]) -> datetime | None:
    """When the newest of the events occurred that stand after these commits."""
    moments = [datetime.fromisoformat(segment.max_occurred_at) for segment in segments_of(commits)]
    return max(moments, default=None)


def of_waiting(commits: Sequence[Commit], inbox: InboxListing, waiting: object) -> WaitingStanding:
    """What waits; `waiting`: how many corrections, as the last build noted it."""
    return WaitingStanding(
        refused_records=count_refused(commits),
        inbox_files=len(inbox.complete),
        inbox_bytes=sum(path.lstat().st_size for path in inbox.complete if path.exists()),
        inbox_unfinished=len(inbox.unfinished),
        corrections=(corrections := count_corrections(commits)),
        corrections_waiting=0 if not corrections else waiting if isinstance(waiting, int) else None,
    )


def count_refused(commits: Sequence[Commit]) -> int:
    """How many records are still refused: each that a landing refused, but those that a recovery took.

    A recovery judges only what is refused at that time, so the log alone says it.
    """
    refused = sum(commit.counts.rejected for commit in commits if commit.kind == LANDING)
    recoveries = (commit.counts for commit in commits if commit.kind == RECOVERY)
    return refused - sum(counts.received - counts.rejected for counts in recoveries)


def read_served(settings: Settings, commits: Sequence[Commit], problems: list[Problem]) -> Version | None:
    """The version that is served; what is wrong with it becomes a problem."""
    try:
        served = served_version(settings)
    except UnusableInput as error:
        problems.append(Problem(str(error), "factlog refresh"))
        return None
    if served and not is_intact(settings, served):
        changed = f"{settings.published / served.file_name}: is not what was published"
        problems.append(Problem(changed, "factlog refresh"))
    if served and served.sequence and not is_of(commits, served.sequence, served.log_digest):
        other = OTHER_LOG.format(settings.archive_root, served.number)
        problems.append(Problem(f"{other}; restore the archive from a copy, or refresh", "factlog verify"))
    return served


def read_published(settings: Settings, problems: list[Problem]) -> Version | None:
    """What was published last: another version than the one that is served, while an older one is held."""
    try:
        return last_published(settings)
    except UnusableInput as error:
        problems.append(Problem(str(error), RELEASE))
        return None


def of_served(served: Version, commits: Sequence[Commit], *, is_held: bool) -> ServedStanding:
    """What is served."""
    return ServedStanding(
        version=served.number,
        sequence=served.sequence,
        published_at=served.published_time,
        tables=len(served.tables),
        rows=sum(state.rows for state in served.tables.values()),
        newest_event_at=newest_event(commits[: served.sequence_in(commits)]),
        is_held=is_held,
    )


def expected(settings: Settings, commits: Sequence[Commit], published: Version | None) -> RefreshStanding:
    """What a refresh would do."""
    with shared_lock(settings) as holder:
        after = published.sequence_in(commits) if published else 0
        arrived = segments_of(commits)
        known = {segment.path for segment in segments_of(commits[:after])}
        events: Counter[str] = Counter()
        for segment in arrived:
            if segment.path not in known:
                events[segment.type] += segment.rows
        because = () if holder else tuple(reasons(settings, published))
    return RefreshStanding(len(commits) - after, dict(events.most_common()), because, holder)


def reasons(settings: Settings, published: Version | None) -> Iterator[str]:
    """What makes a refresh derive something besides what landed."""
    note = read_note(settings)
    inputs = note.get("inputs")
    if published is None:
        yield "nothing is published yet"
        return
    if not isinstance(inputs, dict):
        yield "it is not known what the warehouse was derived from"
    elif inputs.get("code") != digest_of_code(settings):
        yield "the code has changed: models, contracts, packages or what they read of the environment"
    if not settings.warehouse.is_file():
        yield "the warehouse is lost"
    elif "version" not in note:
        yield "the last build was not published"
    elif note.get("warehouse") != warehouse_stamps(settings):
        yield "the warehouse was written to since"
    elif note.get("version") != published.number:
        yield f"version {published.number} is published, and {note.get('version')} was derived last"
    elif note.get("moves"):
        yield "something reads what changes by itself: a clock, chance or files"


def of_publishing(settings: Settings, refresh: RefreshStanding) -> Iterator[Problem]:
    """What kept the last build from being published."""
    if refresh.under_way:
        return
    if failure := last_failure(settings):
        more = len(failure.reasons) - SHOWN
        shown = "; ".join(failure.reasons[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
        what = f"the last build, {failure.ended_at:%Y-%m-%d %H:%M}Z, was not published: {shown}"
        yield Problem(what, "mend that, then: factlog refresh")
        return
    note = read_note(settings)
    if "inputs" in note and "version" not in note and not is_any_under_way(settings):
        yield Problem("the last build did not come to its end", "factlog refresh")


def of_dagster(settings: Settings, refresh: RefreshStanding) -> Iterator[Problem]:
    """The jobs of which the newest run has failed, and the nightly checks that did not hold."""
    runs = newest_runs(settings)
    judged = [LAND_JOB, NIGHTLY_JOB]
    # Otherwise a later refresh has made up for it, or the note of the failure says why.
    if not refresh.does_nothing and not last_failure(settings):
        judged.append(REFRESH_JOB)
    for job in judged:
        run = runs.get(job)
        if run and run.has_failed:
            yield Problem(
                f"the newest run of the job {job} has failed (Dagster run {run.run_id[:8]})",
                "factlog inbox" if job == LAND_JOB else "factlog dev, and look at the run",
            )
    for check in failed_checks(settings, list(NIGHTLY_CHECKS)):
        yield Problem(f"the nightly check {check} did not hold", NIGHTLY_CHECKS[check])


def of_inbox(settings: Settings, inbox: InboxListing) -> Iterator[Problem]:
    """What lies in the inbox and can't land."""
    for path, problem in list(inbox.problems.items())[:SHOWN]:
        yield Problem(f"{path}: {problem}", f"ls -l {settings.inbox}")

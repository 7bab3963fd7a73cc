"""When things run by themselves: the landing job, the two sensors and the schedule.

Belongs here: what is requested, and when. Not here: what a run does. Nothing is remembered here: what landed
is in the log, what was reported is in Dagster's own events, and what was published is in the manifest of the
version that is served.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.target import ANONYMOUS_ASSET_JOB_PREFIX
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from event_archive import Archive
from event_archive.landing.inbox_listing import list_inbox
from event_archive.store.commit import Commit
from event_archive.store.log import Log
from orchestration.assets.cursors import last_reported_sequence, unpublished
from orchestration.assets.keys import LOG, QUARANTINE
from orchestration.assets.partitions import span_of_days
from orchestration.automation.nightly_checks import nightly_selection
from orchestration.automation.reload import reload_definitions
from orchestration.automation.under_way import is_running, landing_under_way
from orchestration.dbt.serving import ServerKeeper
from orchestration.names import LAND_JOB, REFRESH_JOB
from orchestration.publishing.unchanged import is_surely_unchanged
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days

# Each time the daemon goes round, which it does every 5 seconds. With 5 it would often miss a round.
LOOK_SECONDS = 1
# A look goes on until the next round is near, so that what comes waits for none: that was 2.5 s on average
# for the landing, and as long for the refresh. Folders are listed meanwhile, and nothing else is read.
WATCH_SECONDS, LISTED_EVERY, LISTS_A_SHARE = 4.0, 0.2, 20
# As the schedule tries a refresh again that failed.
RETRY_SECONDS = 3600
INBOX, NEW_COMMITS = "inbox", "new_commits"
Answer = dg.RunRequest | dg.SkipReason


def land_job() -> UnresolvedAssetJobDefinition:
    """Land the inbox and report commits."""
    return dg.define_asset_job(
        LAND_JOB,
        selection=dg.AssetSelection.assets(LOG, QUARANTINE) - nightly_selection(),
        description=(
            "Land the files in the inbox, report the days of event types that were touched, and look at what "
            "is refused."
        ),
    )


def inbox_sensor(
    settings: Settings,
    archive: Archive,
    job: UnresolvedAssetJobDefinition,
    events: dg.AssetsDefinition,
    days: Days,
) -> dg.SensorDefinition:
    """Request a landing when files lie in the inbox, or when commits are not reported yet.

    `events`: what the job reports as well, besides the assets that it is of. `days`: those that are
    partitions; where the log has others, the definitions are loaded again.
    """
    log, asked_for = own_log(archive), {days}

    @dg.sensor(
        name=INBOX,
        jobs=[job, shown_beside(INBOX, events)],
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Lands files that nobody writes to any more, and reports commits made without Dagster.",
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        archive.storage.require()
        return watch(lambda: (waiting_files(settings), len(log.commits())), lambda: look(context))

    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        pending, commits = waiting_files(settings), log.commits()
        unreported = len(commits) - last_reported_sequence(context.instance, LOG, commits)
        if not pending and not unreported:
            if (span := span_of_days(settings, commits)) not in asked_for and commits:
                asked_for.add(span)
                reload_definitions()
                return dg.SkipReason(
                    "There are days that were no partitions: the definitions are loaded again."
                )
            return dg.SkipReason("The inbox is empty, and every commit is reported.")
        if is_running(context.instance, LAND_JOB):
            return dg.SkipReason("A landing is under way; what it leaves is looked at after it.")
        # The key holds the files' state: what can't be landed is reported by one run, asks no more until it
        # is changed, and keeps no other file waiting. A run that failed (a full disk, a wrong clock) says
        # nothing of the files: it is tried again.
        unlanded = commits[-1].digest if unreported else ""
        key = digest(json.dumps([pending, unlanded, failed_earlier(context.instance, LAND_JOB)]))
        return dg.RunRequest(run_key=key, job_name=LAND_JOB)

    return inbox


def refresh_sensor(
    settings: Settings, archive: Archive, job: dg.JobDefinition, models: Sequence[dg.AssetsDefinition]
) -> dg.SensorDefinition:
    """Request a refresh when the log is ahead of the published version, be the events late or not.

    `models`: what the job derives, and publishes. Whoever looks all the time also keeps the process that dbt
    is forked from.
    """
    log, server = own_log(archive), ServerKeeper(settings)

    @dg.sensor(
        name=NEW_COMMITS,
        jobs=[job, shown_beside(NEW_COMMITS, *models)],
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the reporting dataset when commits landed that it does not hold, late or not.",
    )
    def new_commits(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        archive.storage.require()
        server.keep()
        return watch(lambda: (len(log.commits()), landing_under_way(context.instance)), lambda: look(context))

    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        commits = log.commits()
        landing = landing_under_way(context.instance)
        if landing and not is_running(context.instance, REFRESH_JOB):
            # A process takes seconds to start: it starts while that of the landing does, and waits for it.
            return dg.RunRequest(run_key=f"refresh-after-{landing}", job_name=REFRESH_JOB)
        fresh = unpublished(settings, context.instance, commits)
        if not fresh:
            return dg.SkipReason("The published version holds every commit, and Dagster has heard of it.")
        if is_running(context.instance, REFRESH_JOB):
            return dg.SkipReason("A refresh is under way; what it leaves is looked at after it.")
        if is_to_be_reported(context.instance, commits):
            return dg.SkipReason("A landing reports these commits first; the refresh follows it.")
        # One refresh per state of the log: one that failed is tried again by the schedule, or with the next
        # commit.
        return dg.RunRequest(run_key=f"refresh-{commits[-1].digest}", job_name=REFRESH_JOB)

    return new_commits


def refresh_schedule(settings: Settings, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Refresh every hour: what depends on the time, on changed models, or on a refresh that failed."""

    @dg.schedule(
        name="hourly_refresh",
        job=job,
        cron_schedule="0 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Refreshes every hour, also when nothing landed, unless all that a build depends on is as it was."
        ),
    )
    def hourly_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if is_running(context.instance, REFRESH_JOB):
            return dg.SkipReason("A refresh is under way.")
        archive = settings.open_archive()
        fresh = unpublished(settings, context.instance, archive.log.commits())
        if not fresh and is_surely_unchanged(settings, archive):
            return dg.SkipReason("A build would give what is published: all that it depends on is as it was.")
        return dg.RunRequest()

    return hourly_refresh


def shown_beside(sensor: str, *assets: dg.AssetsDefinition) -> UnresolvedAssetJobDefinition:
    """A job that is never asked for: by it these assets show which sensor keeps them up to date."""
    name = f"{ANONYMOUS_ASSET_JOB_PREFIX}_{sensor}"
    return dg.define_asset_job(name, selection=dg.AssetSelection.assets(*assets) - nightly_selection())


def is_to_be_reported(instance: dg.DagsterInstance, commits: Sequence[Commit]) -> bool:
    """Whether a landing is about to report commits; if none will, a refresh reports them by itself.

    Otherwise both would report them where Dagster starts on an archive that it has not heard of.
    """
    if last_reported_sequence(instance, LOG, commits) == len(commits):
        return False
    latest = instance.get_run_records(dg.RunsFilter(job_name=LAND_JOB), limit=1)
    failed = bool(latest) and latest[0].dagster_run.status == dg.DagsterRunStatus.FAILURE
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    off = any(state.instigator_name == INBOX and not state.is_running for state in states)
    return not failed and not off


def watch(state: Callable[[], object], look: Callable[[], Answer]) -> Answer:
    """Look, and again when the state has changed, until there is something to ask for or time is up."""
    began = time.monotonic()
    seen = state()
    # A folder with very many files takes a while to list: then it is listed less often.
    pause = max(LISTED_EVERY, LISTS_A_SHARE * (time.monotonic() - began))
    answer = look()
    while isinstance(answer, dg.SkipReason) and time.monotonic() < began + WATCH_SECONDS:
        time.sleep(pause)
        if (now := state()) != seen:
            seen, answer = now, look()
    return answer


def own_log(archive: Archive) -> Log:
    """A log of a sensor's own: it reads only what is new, and sensors read at the same time."""
    return Log(archive.storage)


def waiting_files(settings: Settings) -> list[list[object]]:
    """What lies in the inbox that nobody writes to any more, or that can't be landed."""
    listing = list_inbox(settings.inbox)
    return file_states([*listing.complete, *listing.problems])


def file_states(files: Sequence[Path]) -> list[list[object]]:
    """What lies in the inbox, with everything that changes when it is written to or replaced."""
    listed: list[list[object]] = []
    for path in files:
        with suppress(FileNotFoundError):
            stat = path.lstat()
            listed.append([str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino])
    return listed


def failed_earlier(instance: dg.DagsterInstance, job: str) -> str:
    """The id of the latest run of a job, if it failed and that is a while ago; else nothing."""
    latest = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    if not latest or latest[0].dagster_run.status != dg.DagsterRunStatus.FAILURE:
        return ""
    is_a_while_ago = time.time() - (latest[0].end_time or 0) >= RETRY_SECONDS
    return latest[0].dagster_run.run_id if is_a_while_ago else ""


def digest(text: str) -> str:
    """A key that tells a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()

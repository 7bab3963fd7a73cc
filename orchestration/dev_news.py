"""What a person is told while `factlog dev` runs: what landed, was refused, was published, and what failed.

Belongs here: finding what is new in the archive, in what is served, and in Dagster's history, and saying it
in a line. Not here: printing it (`command_line.dev`), and Dagster's processes (`dev`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import shorten

import dagster as dg

from event_archive.store.commit import RECOVERY, REMAP, Commit, Counts
from event_archive.store.log import Log
from event_archive.store.storage import Storage
from event_archive.wording import format_count
from orchestration.assets.cursors import last_materialization
from orchestration.assets.keys import LOG
from orchestration.dataset.table_state import changed_tables
from orchestration.dataset.versions import Version, served_version
from orchestration.dev import first_line
from orchestration.settings import Settings

LANDED, REFUSED, PUBLISHED, FAILED = "landed", "refused", "published", "failed"
FAILURES = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
MOST_NAMED, MOST_SAID = 4, 160


@dataclass(frozen=True)
class News:
    """Something that has happened: of what kind, in a line, and the command or address that tells more."""

    kind: str
    text: str
    more: str = ""


class Newsreader:
    """Looks at an installation again and again, and tells what is new since it looked last."""

    def __init__(self, settings: Settings, storage: Storage, instance: dg.DagsterInstance, url: str) -> None:
        self._settings = settings
        self._log = Log(storage)
        self._instance = instance
        self._url = url
        self._sequence = len(self._log.commits())
        self._served = served_version(settings)
        self._failed = {run.run_id for run in self._failed_runs()}
        self._passed_over = self._last_landing()[0]

    def look(self) -> Iterator[News]:
        """What is new, in the order in which one thing leads to the next."""
        commits = self._log.commits()
        for commit in commits[self._sequence :]:
            yield from news_of_commit(commit)
        self._sequence = len(commits)
        yield from self._newly_passed_over()
        before, self._served = self._served, served_version(self._settings)
        if self._served and (before is None or before.number != self._served.number):
            yield news_of_version(self._served, before)
        for run in reversed(self._failed_runs()):
            if run.run_id not in self._failed:
                self._failed.add(run.run_id)
                yield News(
                    FAILED, f"{run.job_name}: {why_failed(self._instance, run)}", self._address(run.run_id)
                )

    def _failed_runs(self) -> list[dg.DagsterRun]:
        failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
        return [record.dagster_run for record in self._instance.get_run_records(failed, limit=20)]

    def _last_landing(self) -> tuple[int, dg.EventLogRecord | None]:
        record = last_materialization(self._instance, LOG)
        return (record.storage_id, record) if record else (0, None)

    def _newly_passed_over(self) -> Iterator[News]:
        number, record = self._last_landing()
        if number != self._passed_over and record and record.asset_materialization:
            metadata = record.asset_materialization.metadata
            if "passed_over" in metadata and metadata["passed_over"].value:
                for line in str(metadata["passed_over_files"].value).splitlines():
                    said = shorten(line.removeprefix("- "), MOST_SAID, placeholder=" …")
                    yield News(REFUSED, f"stays in the inbox: {said}", self._address(record.run_id))
        self._passed_over = number

    def _address(self, run_id: str) -> str:
        return f"{self._url}/runs/{run_id}"


@contextmanager
def newsreader(settings: Settings, url: str) -> Iterator[Newsreader]:
    """Who looks at an installation from now on; made before Dagster starts, as both make its tables."""
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        yield Newsreader(settings, settings.open_archive().storage, instance, url)


def news_of_commit(commit: Commit) -> Iterator[News]:
    """What a commit has landed, and what of it was refused."""
    if commit.kind == RECOVERY:
        yield News(LANDED, f"{format_count(commit.counts.accepted, 'event')} recovered from quarantine")
        return
    if commit.kind == REMAP:
        yield News(LANDED, f"{format_count(commit.counts.accepted, 'event')} of a wider mapping")
        return
    origin = commit.origin if len(commit.files) < 2 else format_count(len(commit.files), "file")
    yield News(LANDED, f"{origin}: {format_counts(commit.counts)}, commit {commit.sequence}")
    if commit.counts.rejected:
        of = format_count(commit.counts.received, "record")
        command = f"factlog quarantine list --sequence {commit.sequence}"
        yield News(REFUSED, f"{origin}: {commit.counts.rejected:,} of {of}", command)


def format_counts(counts: Counts) -> str:
    """What became of records, without what none of them became."""
    others = {"duplicate": counts.duplicate, "ignored": counts.ignored}
    said = [format_count(counts.accepted, "event"), *(f"{n:,} {word}" for word, n in others.items() if n)]
    return ", ".join(said)


def news_of_version(version: Version, before: Version | None) -> News:
    """What is served now, and which tables are not as they were."""
    changed = changed_tables(before.tables if before else {}, version.tables)
    named = ", ".join(changed[:MOST_NAMED])
    more = len(changed) - MOST_NAMED
    tables = f"{named} and {more} more" if more > 0 else named
    is_older = before is not None and version.number < before.number
    again = " (an older one, served again)" if is_older else ""
    about = f"; changed: {tables}" if tables and before else ""
    return News(PUBLISHED, f"version {version.number}{again}, up to commit {version.sequence}{about}")


def why_failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """The first line of what a run says of its failure: that of a step, if one failed."""
    for record in instance.get_records_for_run(run.run_id, of_type=FAILURES).records:
        event = record.event_log_entry.dagster_event
        if event and event.event_type == dg.DagsterEventType.STEP_FAILURE:
            failure = event.step_failure_data
            if failure.user_failure_data and failure.user_failure_data.description:
                return first_line(failure.user_failure_data.description)
            if failure.error:
                return first_line((failure.error.cause or failure.error).message)
        elif event and event.message:
            return first_line(event.message)
    return "see its page"

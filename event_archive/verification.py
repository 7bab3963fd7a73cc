"""Verification: whether every committed byte is what the log says it is.

Belongs here: re-reading log entries and the files they name, and naming each thing that does not hold.
Not here: repairing anything, and which of the other files are litter (`unnamed_files`).

Nothing of what is read is trusted: entries are parsed by themselves, the chain is computed again, and each
file's SHA-256 and row count are compared with the log; for single days, what the file holds of them, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from event_archive.archive import Archive
from event_archive.landing.segment_file import rows_correcting, rows_per_day
from event_archive.limits import Limits
from event_archive.quarantine.recovery_outcomes import check_outcomes
from event_archive.store.commit import (
    NOTHING_BEFORE,
    Commit,
    QuarantineFile,
    Segment,
    entry_name,
    sequence_of,
)
from event_archive.store.folders import ANCHOR, LOG
from event_archive.store.inputs import agrees_with_files
from event_archive.store.key_snapshot import snapshots
from event_archive.store.log import BEFORE_THE_FIRST, anchored_by, parse_anchor
from event_archive.store.log_entry import parse_entry
from event_archive.store.remaps import faulty_remaps, named_segments
from event_archive.unique_keys import check_keys, named_twice
from event_archive.unnamed_files import every_file, sort_out

Progress = Callable[[int, int], None]
STANDARD = Limits()


@dataclass(frozen=True)
class Finding:
    """Something that does not hold: the name of a file in the archive, and what is wrong with it."""

    path: str
    problem: str


@dataclass(frozen=True)
class Inspection:
    """All that was found in an archive: what does not hold, and the litter of crashes, which is no damage."""

    findings: list[Finding]
    litter: Sequence[str]


def verify(archive: Archive, progress: Progress | None = None, *, limits: Limits = STANDARD) -> list[Finding]:
    """Return what does not hold in an archive, empty where all does; see `inspect_archive`."""
    return inspect_archive(archive, progress, limits=limits).findings


def inspect_archive(
    archive: Archive, progress: Progress | None = None, *, limits: Limits = STANDARD
) -> Inspection:
    """Check the log's chain, the conservation of records, every file that the log names, and every other.

    Last, that no event was accepted twice. What is damaged is a finding, never an exception. `progress` is
    called with (files checked, files in all).
    """
    listed = every_file(archive.storage)  # before the log is read: what lands meanwhile is not among them
    commits, of_log = _check_chain(archive)
    unnamed = sort_out(listed, commits)
    findings = of_log + _check_commits(archive, commits, progress)
    if not findings:
        findings += _check_outcomes(archive, commits)
    findings += _named_twice(commits)
    findings += [
        Finding(name, "was added: no commit names it, and no crash leaves it") for name in unnamed.added
    ]
    if of_log:  # nobody knows which files count, nor whether a commit named those that are not named now
        return Inspection(findings, [])
    damaged = {finding.path for finding in findings}
    intact = {segment.path for segment in named_segments(commits)} - damaged
    problems = check_keys(archive, commits, intact, snapshots(listed), limits)
    return Inspection([*findings, *(Finding(*problem) for problem in problems)], unnamed.litter)


def verify_commits(archive: Archive, *, after: int = 0) -> list[Finding]:
    """Check the whole chain of the log, and the files that commits after this sequence name.

    This is what a reader of the log depends on; what else lies in the archive is not looked at.
    """
    commits, findings = _check_chain(archive)
    findings += _check_commits(archive, [commit for commit in commits if commit.sequence > after])
    return (findings or _check_outcomes(archive, commits)) + _named_twice(commits)


def _check_chain(archive: Archive) -> tuple[list[Commit], list[Finding]]:
    commits, findings = _check_log(archive)
    return commits, findings + _check_anchor(archive, commits)


def _named_twice(commits: Sequence[Commit]) -> list[Finding]:
    faulty = [Finding(commit.name, problem) for commit, problem in faulty_remaps(commits)]
    return faulty + [Finding(*problem) for problem in named_twice(commits)]


def _check_commits(
    archive: Archive, commits: Sequence[Commit], progress: Progress | None = None
) -> list[Finding]:
    findings: list[Finding] = []
    files = sum(len(commit.paths) for commit in commits)
    done = 0
    for commit in commits:
        if not commit.counts.conserved:
            findings.append(
                Finding(commit.name, f"received is not accepted + duplicate + rejected: {commit.counts}")
            )
        if not agrees_with_files(commit):
            findings.append(Finding(commit.name, "its counts are not those of the files it names"))
        for segment in commit.segments:
            findings += _check_segment(archive, segment)
        for file in commit.record_files:
            findings += _check_bytes(archive, file)
        done += len(commit.paths)
        if progress:
            progress(done, files)
    return findings


def _check_outcomes(archive: Archive, commits: Sequence[Commit]) -> list[Finding]:
    if not any(commit.outcomes for commit in commits):
        return []
    return [Finding(commit.name, problem) for commit, problem in check_outcomes(archive, commits)]


def verify_days(archive: Archive, event_type: str, days: Sequence[date]) -> list[Finding]:
    """Check every segment that holds events of one type on any of these days."""
    wanted = {day.isoformat() for day in days}
    findings: list[Finding] = []
    for commit in archive.log.commits():
        for segment in commit.segments:
            if segment.type == event_type and not wanted.isdisjoint(segment.days):
                findings += _check_segment(archive, segment) or _check_days(archive, segment)
    return findings


def _check_log(archive: Archive) -> tuple[list[Commit], list[Finding]]:
    findings: list[Finding] = []
    commits: list[Commit] = []
    previous, expected = NOTHING_BEFORE, 1
    for name in archive.storage.names(LOG):
        if name != entry_name(expected):
            later = name > entry_name(expected)
            what = f"{entry_name(expected)} is missing before it" if later else "is no entry of the log"
            findings.append(Finding(name, what))
            if not later or (sequence := sequence_of(name)) is None:
                continue
            expected = sequence
        try:
            commit = parse_entry(content := archive.storage.read(name))
        except (ValueError, OSError):
            findings.append(Finding(name, "is not a commit entry: its bytes were changed"))
            previous, expected = "", expected + 1
            continue
        if commit.content != content or commit.sequence != expected:
            findings.append(Finding(name, "its bytes were changed"))
        if previous and commit.previous != previous:
            findings.append(Finding(name, f"does not follow from the bytes of {entry_name(expected - 1)}"))
        commits.append(commit)
        previous, expected = commit.digest, expected + 1
    return commits, findings


def _check_anchor(archive: Archive, commits: Sequence[Commit]) -> list[Finding]:
    try:
        anchor = parse_anchor(archive.storage.read(ANCHOR))
    except FileNotFoundError:
        witness = anchored_by(archive.storage)
        return [Finding(ANCHOR, f"is missing, although {witness} is there")] if witness else []
    except (ValueError, OSError):
        return [Finding(ANCHOR, "its bytes were changed")]
    if anchor == BEFORE_THE_FIRST:
        return []
    anchored = next((commit for commit in commits if commit.sequence == anchor.sequence), None)
    if anchored is None:
        return [Finding(entry_name(anchor.sequence), f"is missing: {ANCHOR} says that it was committed")]
    if anchored.digest != anchor.digest:
        return [Finding(anchored.name, f"its digest is not the one in {ANCHOR}: one of the two was changed")]
    return []


def _check_bytes(archive: Archive, file: Segment | QuarantineFile) -> list[Finding]:
    problem = archive.files.problem(file)
    return [Finding(file.path, problem)] if problem else []


def _check_segment(archive: Archive, segment: Segment) -> list[Finding]:
    findings = _check_bytes(archive, segment)
    if findings:
        return findings
    try:
        metadata = pq.read_metadata(archive.storage.location(segment.path))
    except (OSError, pa.ArrowInvalid) as error:
        return [Finding(segment.path, f"can't be read as Parquet: {error}")]
    rows = metadata.num_rows
    if rows != segment.rows or rows != sum(segment.days.values()):
        return [Finding(segment.path, "does not hold the rows that the log says")]
    if rows_correcting(metadata) != segment.corrections:
        return [Finding(segment.path, "does not hold the corrections that the log says")]
    return []


def _check_days(archive: Archive, segment: Segment) -> list[Finding]:
    column = pq.read_table(archive.storage.location(segment.path), columns=["event_date"])["event_date"]
    days = rows_per_day(column)
    return [] if days == segment.days else [Finding(segment.path, "does not hold the days that the log says")]

"""`factlog log`, `factlog verify` and `factlog clean`: the archive as a whole.

Belongs here: options and reports. Not here: the checks themselves (`event_archive.verification`, `.clean`).
"""

import re
from collections import Counter
from datetime import timedelta

import click

from event_archive import UnusableInput
from event_archive.clean import clean as clean_archive
from event_archive.store.commit import segments_of
from event_archive.store.folders import LOG
from event_archive.store.landing_times import describe_wrong_times, wrong_times
from orchestration.command_line import progress, screen
from orchestration.command_line.landing_report import count_names, counts_in_order
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings

LITTER = "litter of a landing that was interrupted, or work of one that is under way; no commit names it"
DIGEST = re.compile(r"[0-9a-f]{16,64}")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.command()
@click.option("--limit", "-n", type=click.IntRange(min=1), help="Only the newest so many commits.")
@json_option
def log(limit: int | None, wants_json: bool) -> None:
    """List the commits of the archive, oldest first.

    What the log names exists; what it does not name does not. The sequence is the clock of every derivation;
    a time that can't be right, because a clock was wrong, is named.

    \b
    Examples:
      factlog log -n 10
      factlog log --json
    """
    settings = read_settings()
    commits = settings.open_archive(reads_contracts=False).log.commits()
    screen.print_note(*describe_wrong_times(commits, settings.limits))
    shown = commits[-limit:] if limit else commits
    if wants_json:
        screen.print_json(shown)
        return
    if not shown:
        screen.print_note("The archive is empty. Land something: factlog land PATH, or factlog demo")
        return
    with_ignored = any(commit.counts.ignored for commit in shown)
    screen.print_table(
        None,
        ["sequence", "kind", "landed at", *count_names(with_ignored), "origin"],
        [
            (
                commit.sequence,
                commit.kind,
                commit.landed_at.replace(microsecond=0),
                *counts_in_order(commit.counts, with_ignored),
                commit.origin,
            )
            for commit in shown
        ],
        droppable=["kind", "duplicate", "received"],
    )
    ignored: Counter[str] = Counter()
    for commit in shown:
        ignored.update(commit.ignored)
    if ignored:
        screen.print_table("Ignored on purpose, by mappings", ["because", "records"], ignored.most_common())


@click.command()
@click.option(
    "--expect",
    "expected",
    metavar="HEAD",
    help="A head digest that was written down: a commit of this log has to have it.",
)
@json_option
def verify(expected: str | None, wants_json: bool) -> int:
    """Check every file of the archive against the log: changed, missing, added, reordered; no event twice.

    Exit code 1, and one line for each file, where something does not hold. What a crash left is named as
    litter: it is no part of the archive, and does it no harm. Commits whose time can't be right, because a
    clock was wrong, are named as well: the log holds what the clock said, and that is no damage.
    An archive in which nothing has landed is exit code 2: there is nothing that could hold.

    \b
    Examples:
      factlog verify && echo the archive is what was landed
      factlog verify --expect b2a02ccb0d3cf6c8
    """
    from event_archive.verification import Finding, inspect_archive

    digest = parse_digest(expected) if expected is not None else ""
    settings = read_settings()
    archive = settings.open_archive()
    with progress.show_progress("Checking", None, "files") as show:
        found = inspect_archive(
            archive, lambda checked, files: show(checked, total=files), limits=settings.limits
        )
    findings, litter = found.findings, found.litter
    commits = [] if findings else archive.log.commits()
    if not findings and not commits:
        raise UnusableInput(
            f"{settings.archive_root}: nothing has landed here, so there is nothing to verify"
        )
    if not findings and not any(commit.digest.startswith(digest) for commit in commits):
        findings.append(Finding(LOG, f"no commit has the digest {digest}: this is not the log it was of"))
    screen.print_note(*describe_wrong_times(commits, settings.limits))
    if wants_json:
        wrong = [commit.sequence for commit in wrong_times(commits, settings.limits)]
        report = {"holds": not findings, "commits": len(commits), "findings": findings, "litter": litter}
        head = commits[-1].digest if commits else None
        screen.print_json(report | {"wrong_times": wrong, "head_digest": head})
        return DOES_NOT_HOLD if findings else DONE
    screen.print_lines(*(screen.printable(f"{name}: {LITTER}") for name in litter))
    if findings:
        screen.print_lines(*(screen.printable(f"{finding.path}: {finding.problem}") for finding in findings))
        screen.print_note(f"The archive does not hold: {len(findings):,} problem(s), named above.")
    else:
        rows = sum(segment.rows for segment in segments_of(commits))
        held = f"{len(commits):,} commit(s), {rows:,} event(s)"
        screen.print_lines(f"The archive holds: {held}. Head digest: {commits[-1].digest}")
    if litter:
        screen.print_note(f"{len(litter):,} file(s) are litter. Old litter is removed by: factlog clean")
    return DOES_NOT_HOLD if findings else DONE


@click.command()
@click.option(
    "--older-than",
    default="1d",
    show_default=True,
    metavar="AGE",
    help="Leave younger files alone, a landing may be at work on them: 90s, 30m, 12h, 7d.",
)
@click.option("--dry-run", is_flag=True, help="Name the files, and remove nothing.")
@json_option
def clean(older_than: str, dry_run: bool, wants_json: bool) -> None:
    """Remove old litter: files that crashes left in the archive and that no commit names.

    Committed files are never touched.

    \b
    Example:
      factlog clean --older-than 7d
    """
    litter = clean_archive(read_settings().open_archive(), parse_age(older_than), dry_run=dry_run)
    if wants_json:
        screen.print_json(litter)
        return
    screen.print_lines(*litter)
    if not litter:
        screen.print_note("There was no litter.")
    else:
        screen.print_note(f"{len(litter):,} file(s) {'would be ' if dry_run else ''}removed.")


def parse_digest(text: str) -> str:
    """Parse a digest, or the start of one; raises UnusableInput."""
    if not DIGEST.fullmatch(text.lower()):
        raise UnusableInput(
            f"--expect {text}: not a digest; give the one that `factlog verify` printed, or 16 digits of it"
        )
    return text.lower()


def parse_age(text: str) -> timedelta:
    """Parse an age such as 12h; raises UnusableInput."""
    parts = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not parts:
        raise UnusableInput(f"--older-than {text}: not an age; write a number and s, m, h or d, such as 12h")
    return timedelta(**{UNITS[parts[2]]: int(parts[1])})

"""`factlog replay`: deriving days again, in one run, however many and however scattered.

Belongs here: options and reports. Not here: which days can be asked for (`orchestration.replay_days`), and
deriving, checking and publishing (`orchestration.refresh`).
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestration.command_line import screen
from orchestration.command_line.deriving import building, refuse
from orchestration.command_line.main import DONE
from orchestration.command_line.opening import json_option, read_settings
from orchestration.command_line.replaying_into import Beside, beside_options, check_together, replay_beside
from orchestration.publishing import PublishingRefused
from orchestration.refresh import Refreshed, refresh
from orchestration.replay_days import Asked, days_asked, days_with_events
from orchestration.settings import Settings


@click.command()
@click.option("--from", "first", metavar="DAY", help="First day to derive again.")
@click.option("--to", "end", metavar="DAY", help="The day before which to stop: it is not replayed itself.")
@click.option("--days", "listed", metavar="DAY,DAY", help="Single days to derive again, in one run.")
@beside_options
@json_option
def replay(
    first: str | None,
    end: str | None,
    listed: str | None,
    as_of: str | None,
    known_at: str | None,
    into: Path | None,
    is_verification: bool,
    wants_json: bool,
) -> int:
    """Derive days again from the log, check, and publish.

    Every key (a translation, an invoice …) with an event on one of the days is derived from all of its
    events; then everything is checked and published as by `factlog refresh`. Where nothing was wrong, nothing
    changes. A replay that is killed is completed by the next one, or by the next refresh.

    With --into, derive everything from nothing into a file of its own, as it was known then and as of a
    moment; with --verify, compare what is served with what the log gives. Neither touches what is served.

    \b
    Examples:
      factlog replay --from 2026-01-01 --to 2026-02-01
      factlog replay --days 2026-01-05,2026-01-19,2026-02-02
      factlog replay --as-of 2026-03-01 --known-at 2026-03-03T12:00:00Z --into march.duckdb
      factlog replay --verify
    """
    settings = read_settings()
    beside = Beside(as_of, known_at, into, is_verification)
    if beside.is_asked:
        given = {"--from": first, "--to": end, "--days": listed}
        check_together(beside, [name for name, value in given.items() if value is not None])
        return replay_beside(settings, beside, wants_json=wants_json)
    return replay_days(settings, asked_for(settings, first, end, listed), wants_json)


def asked_for(settings: Settings, first: str | None, end: str | None, listed: str | None) -> Asked:
    """Read which days are asked for, by the days that the archive holds events of."""
    archive = settings.open_archive()
    held = days_with_events(archive.log.commits(), archive.contracts)
    asked = days_asked(first, end, listed, held, datetime.now(UTC).date())
    if asked.clipped:
        screen.say(asked.clipped)
    return asked


def replay_days(settings: Settings, asked: Asked, wants_json: bool) -> int:
    """Derive these days again, and say what came of it."""
    screen.say(f"Deriving {counted(asked.days, 'day')} again: {asked}")
    try:
        with building("Replaying") as hear:
            done = refresh(settings, replay=asked.ranges, say=screen.say, hear=hear)
    except PublishingRefused as refused:
        return refuse(refused, wants_json)
    if wants_json:
        screen.as_json(as_record(asked, done))
    else:
        screen.tell(*report(asked, done))
    return DONE


def report(asked: Asked, done: Refreshed) -> list[str]:
    """Word what a replay did."""
    return [
        f"{counted(asked.days, 'day')} replayed up to commit {done.sequence}, in {done.seconds:.0f} s.",
        outcome(done),
    ]


def outcome(done: Refreshed) -> str:
    """Word which version is served now, and what is not as it was before."""
    number = done.publication.version.number
    if not done.publication.is_new:
        return f"Nothing has changed: version {number} stays published."
    if not done.changed:
        return f"Published version {number}: every table is as it was, by another code or log."
    return f"Published version {number}: {', '.join(done.changed)} changed."


def as_record(asked: Asked, done: Refreshed) -> dict[str, object]:
    """Give the JSON report of a replay."""
    return {
        "days": asked.days,
        "ranges": [asdict(one) for one in asked.ranges],
        "sequence": done.sequence,
        "version": done.publication.version.number,
        "is_new": done.publication.is_new,
        "changed": done.changed,
        "seconds": round(done.seconds, 1),
    }


def counted(number: int, thing: str) -> str:
    """Count things."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"

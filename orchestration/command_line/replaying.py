"""`factlog replay`: deriving days again, in one run, however many and however scattered.

Belongs here: options and reports. Not here: which days can be asked for (`orchestration.replay_days`), and
deriving, checking and publishing (`orchestration.refresh`).
"""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from orchestration.command_line import screen
from orchestration.command_line.deriving import building, refuse
from orchestration.command_line.main import DONE
from orchestration.command_line.opening import json_option, read_settings
from orchestration.publishing import PublishingRefused
from orchestration.refresh import Refreshed, refresh
from orchestration.replay_days import Asked, days_asked, days_with_events
from orchestration.settings import Settings


@click.command()
@click.option("--from", "first", metavar="DAY", help="First day to derive again.")
@click.option("--to", "end", metavar="DAY", help="The day before which to stop: it is not replayed itself.")
@click.option("--days", "listed", metavar="DAY,DAY", help="Single days to derive again, in one run.")
@json_option
def replay(first: str | None, end: str | None, listed: str | None, wants_json: bool) -> int:
    """Derive days again from the log, check, and publish.

    Every key (a translation, an invoice …) with an event on one of the days is derived from all of its
    events; then everything is checked and published as by `factlog refresh`. Where nothing was wrong, nothing
    changes. A replay that is killed is completed by the next one, or by the next refresh.

    \b
    Examples:
      factlog replay --from 2026-01-01 --to 2026-02-01
      factlog replay --days 2026-01-05,2026-01-19,2026-02-02
    """
    settings = read_settings()
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

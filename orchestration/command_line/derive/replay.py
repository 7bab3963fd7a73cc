"""`factlog replay`: deriving days again, in one run, however many and however scattered.

Belongs here: options and reports. Not here: which days can be asked for
(`orchestration.planning.replay_days`), and deriving, checking and publishing (`orchestration.refresh`).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import Archive, UnusableInput
from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.command_line.derive.refresh import format_held, print_refusal, show_building
from orchestration.command_line.derive.replay_aside import (
    Beside,
    beside_options,
    check_together,
    replay_beside,
)
from orchestration.command_line.main import DONE
from orchestration.command_line.options import json_option, read_settings
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.planning.estimate import Estimate
    from orchestration.planning.replay_days import RequestedDays
    from orchestration.refresh import Refreshed


@click.command()
@click.option("--from", "first", metavar="DAY", help="First day to derive again.")
@click.option("--to", "end", metavar="DAY", help="The day before which to stop: it is not replayed itself.")
@click.option("--days", "listed", metavar="DAY,DAY", help="Single days to derive again, in one run.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it reads and how long, and stop.")
@beside_options
@json_option
def replay(
    first: str | None,
    end: str | None,
    listed: str | None,
    only_estimate: bool,
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
      factlog replay --from 2026-01-01 --to 2026-02-01 --estimate
      factlog replay --as-of 2026-03-01 --known-at 2026-03-03T12:00:00Z --into march.duckdb
      factlog replay --verify
    """
    from orchestration.command_line.derive.plan_report import estimate_to_json, print_estimate
    from orchestration.planning.estimate import estimate

    settings = read_settings()
    beside = Beside(as_of, known_at, into, is_verification)
    if beside.is_asked:
        if only_estimate:
            raise UnusableInput("--estimate is for a replay of days; leave it out here")
        given = {"--from": first, "--to": end, "--days": listed}
        check_together(beside, [name for name, value in given.items() if value is not None])
        return replay_beside(settings, beside, wants_json=wants_json)
    archive = settings.open_archive()
    asked = read_days(archive, first, end, listed)
    estimated = estimate(settings, archive, asked, keep=not only_estimate)
    if not only_estimate:
        return replay_days(settings, asked, estimated, wants_json)
    if wants_json:
        screen.print_json(estimate_to_json(estimated, asked.ranges))
    else:
        print_estimate(estimated)
    return DONE


def read_days(archive: Archive, first: str | None, end: str | None, listed: str | None) -> "RequestedDays":
    """The days that are asked for, clipped to those that the archive holds events of."""
    from orchestration.planning.replay_days import days_with_events, read_requested_days

    held = days_with_events(archive.log.commits(), archive.contracts)
    asked = read_requested_days(first, end, listed, held, datetime.now(UTC).date())
    if asked.clipped:
        screen.print_note(asked.clipped)
    return asked


def replay_days(settings: Settings, asked: "RequestedDays", estimated: "Estimate", wants_json: bool) -> int:
    """Derive these days again, and print what changed."""
    from orchestration.command_line.derive.plan_report import estimate_to_json, format_duration, format_events
    from orchestration.publishing.publish import PublishingRefused
    from orchestration.refresh import refresh

    screen.print_note(
        f"Deriving again {asked}: {format_events(estimated)}; {format_duration(estimated.planned.expected)}"
    )
    try:
        with show_building("Replaying", in_lines=True) as on_node:
            done = refresh(settings, replay=asked.ranges, log=screen.print_note, on_node=on_node)
    except PublishingRefused as refused:
        return print_refusal(refused, wants_json)
    if wants_json:
        screen.print_json(estimate_to_json(estimated, asked.ranges) | to_json(done))
    else:
        screen.print_lines(*format_replayed(estimated, done))
    return DONE


def format_replayed(estimated: "Estimate", done: "Refreshed") -> list[str]:
    """A few lines on what a replay did."""
    from orchestration.command_line.derive.plan_report import format_events

    planned = estimated.planned
    keys = [
        f"{planned.keys[plan.model]:,} of {plan.table}"
        for plan in planned.plan.models
        if planned.keys.get(plan.model)
    ]
    derived = f"; keys derived again: {', '.join(keys)}" if keys else ""
    return [
        f"{format_count(estimated.days, 'day')} replayed up to commit {done.sequence}, "
        f"in {done.seconds:.0f} s.",
        f"{format_events(estimated)}{derived}.",
        format_outcome(done),
        *format_held(done.publication),
    ]


def format_outcome(done: "Refreshed") -> str:
    """Which version is served now, and what is not as it was before."""
    number = done.publication.version.number
    if not done.publication.is_new:
        return f"Nothing has changed: version {number} stays published."
    if not done.changed:
        return f"Published version {number}: every table is as it was, by another code or log."
    return f"Published version {number}: {', '.join(done.changed)} changed."


def to_json(done: "Refreshed") -> dict[str, object]:
    """What the JSON report of a replay holds besides its estimate."""
    return {
        "sequence": done.sequence,
        "version": done.publication.version.number,
        "is_new": done.publication.is_new,
        "served": done.publication.served.number,
        "held": done.publication.held,
        "changed": done.changed,
        "seconds": round(done.seconds, 1),
    }

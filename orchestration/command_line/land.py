"""`factlog land` and `factlog inbox`: bytes in, and what became of the records.

Belongs here: options and progress. Not here: the report (`landing_report`), and how records are validated
(`event_archive.landing.land`).
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import Archive, Source
from event_archive.decoding.sources import find_sources, known_size
from event_archive.errors import UnusableSource
from event_archive.landing.inbox_listing import SETTLED_AFTER_SECONDS, list_inbox
from orchestration.command_line import completion, progress, screen
from orchestration.command_line.landing_report import report
from orchestration.command_line.main import DONE
from orchestration.command_line.options import (
    anyway_option,
    clock_option,
    contracts_option,
    json_option,
    read_settings,
)
from orchestration.settings import Settings

if TYPE_CHECKING:
    from event_archive import Landed
    from event_archive.landing.land import PassedOver
    from event_archive.mapping.mapping import Mapping


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=completion.files)
@contracts_option
@click.option(
    "--mapping",
    "mapping_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="How foreign records become events (see docs/how-to-map-foreign-records.md).",
)
@click.option("--dry-run", is_flag=True, help="Say what would become of the records, and land nothing.")
@click.option(
    "--samples",
    type=click.IntRange(0, 100),
    default=2,
    show_default=True,
    help="Shown of each outcome in a dry run.",
)
@anyway_option
@clock_option
@json_option
def land(
    paths: tuple[str, ...],
    contracts: Path | None,
    mapping_file: Path | None,
    dry_run: bool,
    samples: int,
    quarantine_anyway: bool,
    accepts_clock: bool,
    wants_json: bool,
) -> int:
    """Land event files in the archive: files, folders (recursive), or - for standard input.

    Each source is one atomic commit; where there are many, small ones share commits that name each. Landing
    the same bytes, or the same events in other files, again adds nothing. Records that break their contract
    are kept in quarantine, with place and reason; the rest lands.
    A source that can't be read, or in which there is no single event, is passed over with a line that says
    why; the others land, and the exit code is 2.

    Exit code 1: an input is damaged (cut off, or not to be decoded from some place on). What could be decoded
    landed, the other bytes are kept in quarantine.

    By a mapping, what an earlier landing of the same bytes refused is judged again: a rule that was added
    clears it.

    \b
    Examples:
      factlog land events.ndjson.gz more/
      factlog land --mapping mapping.yaml --dry-run new-stream.ndjson
      curl -s https://example.org/events | factlog land -
      factlog land --contracts examples/github/contracts \\
                   --mapping examples/github/mapping.yaml 2015-01-01-12.json.gz
    """
    from orchestration.command_line.land_preview import preview

    settings = read_settings(contracts, accepts_clock=accepts_clock)
    mapping = settings.load_mapping(mapping_file) if mapping_file else None
    sources = find_sources(paths)
    if dry_run:
        return preview(settings, sources, mapping, samples, wants_json)
    archive = settings.open_archive(may_create=True)
    outcomes = land_all(archive, sources, settings, mapping, quarantine_anyway=quarantine_anyway)
    return report(outcomes, wants_json)


@click.command()
@anyway_option
@clock_option
@json_option
def inbox(quarantine_anyway: bool, accepts_clock: bool, wants_json: bool) -> int:
    """Land what lies in the inbox (var/inbox/), and move each file out once its commit stands.

    A crash leaves a file where it was; landing it again adds nothing. What can't land (it can't be read, has
    no single event in it, or is a link, a pipe, a device) is passed over and named; the others land, and the
    exit code is 2.
    A folder of the inbox may have a mapping of its own ([inbox.mappings] in factlog.toml).

    Exit code 1: a file is damaged. What could be decoded landed, the other bytes are kept in quarantine.

    \b
    Example:
      cp events.ndjson var/inbox/ && factlog inbox
    """
    from event_archive import Landed
    from event_archive.landing.inbox import land_inbox
    from event_archive.quarantine.landed_again import clear_landed_again

    settings = read_settings(accepts_clock=accepts_clock)
    mappings = settings.load_inbox_mappings()
    dropped = list_inbox(settings.inbox)
    # Where nothing was dropped, nothing begins an archive: the home may be misspelt, or its disk not mounted.
    has_files = bool(dropped.complete or dropped.unfinished or dropped.problems)
    archive = settings.open_archive(may_create=has_files)
    if dropped.unfinished:
        # Somebody may still be writing to them; who asks right after dropping a file wants it landed.
        time.sleep(SETTLED_AFTER_SECONDS)
    waiting = len(dropped.complete) + len(dropped.unfinished)
    outcomes = []
    with progress.show_progress("Landing", waiting, "files") as show:
        for outcome in land_inbox(
            archive,
            settings.inbox,
            mappings=mappings,
            limits=settings.limits,
            quarantine_anyway=quarantine_anyway,
        ):
            outcomes.append(outcome)
            if isinstance(outcome, Landed):
                clear_landed_again(archive, outcome, mappings.values(), settings.limits)
            show(len(outcomes), outcome.origin)
    left = len(list_inbox(settings.inbox).unfinished)
    if left:
        screen.print_note(
            f"{left:,} file(s) are still being written to; run it again when they are complete."
        )
    if not outcomes and not left and not wants_json:
        screen.print_note(f"The inbox {screen.format_path(settings.inbox)} is empty.")
    return report(outcomes, wants_json) if outcomes or wants_json else DONE


def land_all(
    archive: Archive,
    sources: Sequence[Source],
    settings: Settings,
    mapping: "Mapping | None" = None,
    *,
    quarantine_anyway: bool = False,
) -> "list[Landed | PassedOver]":
    """Land the sources in turn, and show how far it is by the bytes that were read."""
    from event_archive.landing.land import Landed, PassedOver
    from event_archive.landing.land_files import LandingRun
    from event_archive.quarantine.landed_again import clear_landed_again

    outcomes: list[Landed | PassedOver] = []
    with progress.show_progress("Landing", sum(map(known_size, sources)) or None, progress.BYTES) as show:
        run = LandingRun(
            archive,
            [(source, mapping) for source in sources],
            limits=settings.limits,
            quarantine_anyway=quarantine_anyway,
            progress=show,
        )
        for source, outcome in run.outcomes():
            if isinstance(outcome, Landed):
                clear_landed_again(archive, outcome, [mapping] if mapping else [], settings.limits)
                outcomes.append(outcome)
            elif isinstance(outcome, UnusableSource):
                outcomes.append(PassedOver(source.origin, outcome.problem))
            else:
                raise outcome
    return outcomes

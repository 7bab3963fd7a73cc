"""`factlog land` and `factlog inbox`: bytes in, a commit per source, and what became of the records.

Belongs here: options, progress and the report. Not here: how records are validated
(`event_archive.landing.land`).
"""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from event_archive import Archive, Landed, Source
from event_archive.decoding.sources import find_sources
from event_archive.errors import UnusableSource
from event_archive.landing.inbox import land_inbox
from event_archive.landing.inbox_listing import SETTLED_AFTER_SECONDS, list_inbox
from event_archive.landing.land import PassedOver
from event_archive.landing.land import land as land_source
from event_archive.mapping.mapping import Mapping, load_mapping
from event_archive.store.commit import Counts
from event_archive.wording import agree, format_count
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE, UNUSABLE_INPUT
from orchestration.command_line.options import clock_option, contracts_option, json_option, read_settings
from orchestration.settings import Settings


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@contracts_option
@click.option(
    "--mapping",
    "mapping_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="How foreign records become events (see docs/how-to-map-foreign-records.md).",
)
@clock_option
@json_option
def land(
    paths: tuple[str, ...],
    contracts: Path | None,
    mapping_file: Path | None,
    accepts_clock: bool,
    wants_json: bool,
) -> int:
    """Land event files in the archive: files, folders (recursive), or - for standard input.

    Each source is one atomic commit. Landing the same bytes, or the same events in other files, again adds
    nothing. Records that break their contract are kept in quarantine, with place and reason; the rest lands.
    A source that can't be read is passed over; the others land, and the exit code is 2.

    Exit code 1: an input is damaged (cut off, or not to be decoded from some place on). What could be decoded
    landed, the other bytes are kept in quarantine.

    \b
    Examples:
      factlog land events.ndjson.gz more/
      curl -s https://example.org/events | factlog land -
      factlog land --contracts examples/github/contracts \\
                   --mapping examples/github/mapping.yaml 2015-01-01-12.json.gz
    """
    settings = read_settings(contracts, accepts_clock=accepts_clock)
    mapping = load_mapping(mapping_file, settings.limits) if mapping_file else None
    sources = find_sources(paths)
    archive = settings.open_archive(may_create=True)
    return report(land_all(archive, sources, settings, mapping), wants_json)


@click.command()
@clock_option
@json_option
def inbox(accepts_clock: bool, wants_json: bool) -> int:
    """Land what lies in the inbox (var/inbox/), and move each file out once its commit stands.

    A crash leaves a file where it was; landing it again adds nothing. What can't land (it can't be read, or
    is a link, a pipe, a device) is passed over and named; the others land, and the exit code is 2.
    A folder of the inbox may have a mapping of its own ([inbox.mappings] in factlog.toml).

    Exit code 1: a file is damaged. What could be decoded landed, the other bytes are kept in quarantine.

    \b
    Example:
      cp events.ndjson var/inbox/ && factlog inbox
    """
    settings = read_settings(accepts_clock=accepts_clock)
    mappings = settings.load_inbox_mappings()
    archive = settings.open_archive(may_create=True)
    dropped = list_inbox(settings.inbox)
    if dropped.unfinished:
        # Somebody may still be writing to them; who asks right after dropping a file wants it landed.
        time.sleep(SETTLED_AFTER_SECONDS)
    outcomes = []
    with screen.show_progress("Landing", len(dropped.complete) + len(dropped.unfinished)) as show:
        for outcome in land_inbox(archive, settings.inbox, mappings=mappings, limits=settings.limits):
            outcomes.append(outcome)
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
    archive: Archive, sources: Sequence[Source], settings: Settings, mapping: Mapping | None = None
) -> list[Landed | PassedOver]:
    """Land the sources in turn, and show how far it is by the bytes that were read."""
    sizes = [source.size for source in sources]
    outcomes: list[Landed | PassedOver] = []
    with screen.show_progress("Landing", sum(sizes) or None) as show:
        for place, source in enumerate(sources):
            before = sum(sizes[:place])
            show(before, source.origin)

            def read(count: int, *, before: int = before, origin: str = source.origin) -> None:
                show(before + count, origin)

            try:
                outcomes.append(
                    land_source(archive, source, mapping=mapping, limits=settings.limits, progress=read)
                )
            except UnusableSource as error:
                outcomes.append(PassedOver(source.origin, error.problem))
    return outcomes


def report(outcomes: Sequence[Landed | PassedOver], wants_json: bool) -> int:
    """Print what became of the records, per source and in all, and of sources; the exit code."""
    landed = [outcome for outcome in outcomes if isinstance(outcome, Landed)]
    passed_over = [outcome for outcome in outcomes if isinstance(outcome, PassedOver)]
    if wants_json:
        screen.print_json([to_json(outcome) for outcome in outcomes])
    elif landed:
        screen.print_table(
            None,
            ["source", "received", "accepted", "duplicate", "rejected", "commit"],
            [
                (
                    landing.origin,
                    *counts_in_order(landing.counts),
                    f"{landing.earlier.sequence} (earlier)" if landing.earlier else format_sequence(landing),
                )
                for landing in landed
            ],
        )
    if landed or not passed_over:
        print_summary(landed)
    damaged = [landing for landing in landed if landing.damage]
    print_damage(damaged)
    for outcome in passed_over:
        screen.print_note(screen.printable(f"Passed over: {outcome.origin}: {outcome.problem}"))
    if passed_over:
        return UNUSABLE_INPUT
    return DOES_NOT_HOLD if damaged else DONE


def print_summary(landed: Sequence[Landed]) -> None:
    """Print what a user does not see at once in the counts."""
    total = sum((landing.counts for landing in landed), Counts())
    if not total.received and not any(landing.earlier for landing in landed):
        screen.print_note("There was no record in it.")
    elif not total.accepted + total.rejected:
        screen.print_note("Nothing new: all of it had landed before.")
    if total.rejected:
        were = agree(total.rejected, "was refused and is", "were refused and are")
        screen.print_note(
            f"{total.rejected:,} of {format_count(total.received, 'record')} {were} kept in quarantine.",
            "Look at them with: factlog quarantine list",
        )


def print_damage(damaged: Sequence[Landed]) -> None:
    """Print which inputs are damaged, and where."""
    for landing in damaged:
        screen.print_note(screen.printable(f"{landing.origin} is damaged: {landing.damage}"))
    if damaged:
        screen.print_note("Ask the producer for a whole copy: landing it adds what is missing, and no more.")


def format_sequence(landing: Landed) -> str:
    """The number of the commit that a landing made, or a dash."""
    return str(landing.commit.sequence) if landing.commit else "-"


def counts_in_order(counts: Counts) -> tuple[int, int, int, int]:
    """The four counts in the order of the sum: received = accepted + duplicate + rejected."""
    return counts.received, counts.accepted, counts.duplicate, counts.rejected


def to_json(outcome: Landed | PassedOver) -> dict[str, object]:
    """The JSON report of a source; `problem` says why one was passed over."""
    landing = outcome if isinstance(outcome, Landed) else Landed(outcome.origin, Counts())
    received, accepted, duplicate, rejected = counts_in_order(landing.counts)
    commit = landing.commit or landing.earlier
    return {
        "origin": landing.origin,
        "received": received,
        "accepted": accepted,
        "duplicate": duplicate,
        "rejected": rejected,
        "sequence": commit.sequence if commit else None,
        "landed_earlier": landing.earlier is not None,
        "problem": outcome.problem if isinstance(outcome, PassedOver) else None,
        "damage": landing.damage,
    }

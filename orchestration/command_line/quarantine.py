"""`factlog quarantine list` and `show`: rejected records, in groups, and each byte for byte.

Belongs here: how rejected records and their states are shown. Not here: why a record is rejected
(`event_archive.validation.exact_validator`), and validating it again (`recover`).
"""

import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from event_archive import Archive, UnusableInput
from event_archive.quarantine.states import STATES
from orchestration.command_line import completion, screen
from orchestration.command_line.options import ListingGroup, NamedChoice, json_option, read_settings
from orchestration.command_line.recover import recover
from orchestration.command_line.rejected_records import (
    LONG_NAME,
    LONG_TEXT,
    format_nothing_found,
    format_place,
    format_step,
    print_groups,
    read_bytes,
    shorten,
)

if TYPE_CHECKING:
    from event_archive.quarantine.queries import Group, RejectedRecord, Step

LONG_RECORD = 10_000


@click.group(cls=ListingGroup)
def quarantine() -> None:
    """Look at the records that were refused, and recover those that are events by now.

    \b
    Examples:
      factlog quarantine
      factlog quarantine list --reason unknown_type
      factlog quarantine show 3 --position 17
      factlog quarantine recover --dry-run
    """


@quarantine.command("list", short_help="Count the refused records, with samples.")
@click.option("--sequence", type=click.IntRange(min=0), help="Only records that this commit refused.")
@click.option("--reason", help="Only records with this reason (its code), the latest.")
@click.option(
    "--type",
    "type_name",
    shell_complete=completion.event_types,
    help="Only records that say they are of this type.",
)
@click.option("--source", help="Only records that say they are from this producer.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only records that landed on this day (UTC).")
@click.option("--state", type=NamedChoice(STATES), help="Only records in this state.  [default: refused]")
@click.option("--all", "everything", is_flag=True, help="Records of every state, also recovered ones.")
@click.option(
    "--limit", "-n", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many groups."
)
@click.option(
    "--samples",
    type=click.IntRange(0, 100),
    default=1,
    show_default=True,
    help="Shown of each group.",
)
@json_option
def list_rejected(
    sequence: int | None,
    reason: str | None,
    type_name: str | None,
    source: str | None,
    day: datetime | None,
    state: str | None,
    everything: bool,
    limit: int,
    samples: int,
    wants_json: bool,
) -> None:
    """Count the records that are still refused, by reason, type, producer and day of landing, with samples.

    \b
    Examples:
      factlog quarantine list --sequence 3
      factlog quarantine list --reason unknown_type -n 5 --json
      factlog quarantine list --all --type translation.rated.v1
    """
    from event_archive.quarantine.queries import Filter, grouped

    archive = read_settings().open_archive(reads_contracts=False)
    chosen = state or (None if everything else "refused")
    wanted = Filter(sequence, reason, type_name, source, day.date() if day else None, chosen)
    groups = grouped(archive, wanted, limit=limit, samples=samples)
    if wants_json:
        screen.print_json([group_to_json(archive, group) for group in groups[:limit]])
        return
    if not groups:
        screen.print_note(format_nothing_found(archive, wanted))
        return
    print_groups(groups, limit)
    if samples:
        shown = [record for group in groups[:limit] for record in group.samples]
        screen.print_lines("")
        screen.print_table(
            "Samples",
            ["commit", "position", "type", "reason", "detail"],
            [
                (
                    record.sequence,
                    format_place(record),
                    shorten(record.type, LONG_NAME),
                    record.reason,
                    shorten(record.detail, LONG_TEXT),
                )
                for record in shown
            ],
            droppable=["type"],
        )
        element = f" --element {shown[0].element}" if shown[0].element else ""
        place = f"{shown[0].sequence} --position {shown[0].position}{element}"
        screen.print_note(f"Show one, byte for byte: factlog quarantine show {place}")


@quarantine.command("show", short_help="Show one refused record.")
@click.argument("sequence", type=click.IntRange(min=0), required=False, metavar="[COMMIT]")
@click.option(
    "--position",
    type=int,
    help="Its place in the source, as `quarantine list` gives it  [default: the first].",
)
@click.option(
    "--element",
    type=click.IntRange(min=1),
    help="Its number in the record, where a mapping makes several events of one.",
)
@click.option("--raw", is_flag=True, help="Print the record's bytes and nothing else.")
@json_option
def show_rejected(
    sequence: int | None, position: int | None, element: int | None, raw: bool, wants_json: bool
) -> None:
    """Show one refused record: where it came from, why it was refused, what became of it, its bytes.

    Without COMMIT, the newest commit that refused something.

    \b
    Examples:
      factlog quarantine show 3 --position 17
      factlog quarantine show 3 --position 17 --raw > record.json
    """
    from event_archive.landing.quarantine_file import record_parts

    archive = read_settings().open_archive(reads_contracts=False)
    record, steps = find_record(archive, sequence, position, element)
    if raw:
        for part in record_parts(archive, archive.log.commits()[record.sequence - 1], record.row):
            sys.stdout.buffer.write(part)
        return
    content = read_bytes(archive, record)
    fields = record_to_json(archive, record)
    if wants_json:
        screen.print_json(fields | {"history": steps})
        return
    text = screen.printable(str(fields.pop("record")))
    if (line := fields.pop("position_in_input")) != record.position:
        fields["origin"] = f"{record.origin}, at position {line} of it"
    for name, value in fields.items():
        screen.print_lines(f"{name:<9} {screen.printable(str(value)) if value is not None else '-'}")
    for step in steps:
        screen.print_lines(f"{'history':<9} {screen.printable(format_step(step))}")
    if record.is_foreign and record.state == "refused":
        screen.print_lines(
            f"{'':<9} it landed by a mapping: only `quarantine recover --mapping` judges it again"
        )
    screen.print_lines("", text[:LONG_RECORD])
    if len(text) > LONG_RECORD:
        screen.print_note(f"The first {LONG_RECORD:,} of {len(content):,} bytes. All of them: --raw")


quarantine.add_command(recover)


def find_record(
    archive: Archive, sequence: int | None, position: int | None, element: int | None
) -> "tuple[RejectedRecord, list[Step]]":
    """Find a rejected record, of a commit or the newest, at a place or the first; raises UnusableInput."""
    from event_archive.quarantine.queries import history

    rejecting = [commit.sequence for commit in archive.log.commits() if commit.quarantine]
    if not rejecting:
        raise UnusableInput("the quarantine is empty: no record was ever refused")
    chosen = rejecting[-1] if sequence is None else sequence
    if record_and_steps := history(archive, chosen, position, element):
        return record_and_steps
    place = "nothing" if position is None else f"nothing at position {position}"
    place += f", element {element}" if element is not None else ""
    raise UnusableInput(f"commit {chosen} refused {place}; see: factlog quarantine list --sequence {chosen}")


def group_to_json(archive: Archive, group: "Group") -> dict[str, object]:
    """The JSON report of a group."""
    return asdict(group) | {"samples": [record_to_json(archive, record) for record in group.samples]}


def record_to_json(archive: Archive, record: "RejectedRecord") -> dict[str, object]:
    """The JSON report of a rejected record."""
    return {
        "sequence": record.sequence,
        "origin": record.origin,
        "position": record.position,
        "position_in_input": record.position_in_input,
        "element": record.element,
        "offset": record.offset,
        "type": record.type,
        "source": record.source,
        "id": record.event_id,
        "state": record.state,
        "judged_in": record.judged_in,
        "reason": record.reason,
        "detail": record.detail,
        "record": read_bytes(archive, record).decode("utf-8", "backslashreplace"),
    }

"""`factlog quarantine list` and `show`: rejected records, in groups, and each byte for byte.

Belongs here: how rejected records and their states are shown. Not here: why a record is rejected
(`event_archive.validation.exact_validator`), and validating it again (`recover`).
"""

import sys
from dataclasses import asdict
from datetime import datetime

import click

from event_archive import Archive, UnusableInput
from event_archive.landing.quarantine_file import record_at, record_parts
from event_archive.quarantine.queries import Filter, Group, RejectedRecord, Step, grouped, history
from event_archive.quarantine.recovery_outcomes import DUPLICATE, RECOVERED, STATES
from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.command_line.options import ListingGroup, json_option, read_settings
from orchestration.command_line.recover import recover

LONG_TEXT, LONG_NAME, LONG_RECORD = 300, 60, 10_000


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
@click.option("--type", "type_name", help="Only records that say they are of this type.")
@click.option("--source", help="Only records that say they are from this producer.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only records that landed on this day (UTC).")
@click.option("--state", type=click.Choice(STATES), help="Only records in this state.  [default: refused]")
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
    archive = read_settings().open_archive()
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
                    str(record.position),
                    shorten(record.type, LONG_NAME),
                    record.reason,
                    shorten(record.detail, LONG_TEXT),
                )
                for record in shown
            ],
        )
        place = f"{shown[0].sequence} --position {shown[0].position}"
        screen.print_note(f"Show one, byte for byte: factlog quarantine show {place}")


@quarantine.command("show", short_help="Show one refused record.")
@click.argument("sequence", type=click.IntRange(min=0), required=False, metavar="[COMMIT]")
@click.option(
    "--position",
    type=int,
    help="Its place in the source, as `quarantine list` gives it  [default: the first].",
)
@click.option("--raw", is_flag=True, help="Print the record's bytes and nothing else.")
@json_option
def show_rejected(sequence: int | None, position: int | None, raw: bool, wants_json: bool) -> None:
    """Show one refused record: where it came from, why it was refused, what became of it, its bytes.

    Without COMMIT, the newest commit that refused something.

    \b
    Examples:
      factlog quarantine show 3 --position 17
      factlog quarantine show 3 --position 17 --raw > record.json
    """
    archive = read_settings().open_archive()
    record, steps = find_record(archive, sequence, position)
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
    archive: Archive, sequence: int | None, position: int | None
) -> tuple[RejectedRecord, list[Step]]:
    """Find a rejected record, of a commit or the newest, at a position or the first; raises UnusableInput."""
    rejecting = [commit.sequence for commit in archive.log.commits() if commit.quarantine]
    if not rejecting:
        raise UnusableInput("the quarantine is empty: no record was ever refused")
    chosen = rejecting[-1] if sequence is None else sequence
    if record_and_steps := history(archive, chosen, position):
        return record_and_steps
    place = "nothing" if position is None else f"nothing at position {position}"
    raise UnusableInput(f"commit {chosen} refused {place}; see: factlog quarantine list --sequence {chosen}")


def format_nothing_found(archive: Archive, wanted: Filter) -> str:
    """A sentence that says that there is no such record."""
    if not any(commit.quarantine for commit in archive.log.commits()):
        return "The quarantine is empty: no record was ever refused."
    if wanted == Filter():
        return "No record is refused any more. Those that were: factlog quarantine list --all"
    return "No refusal is like that. All there are: factlog quarantine list --all"


def print_groups(groups: list[Group], limit: int) -> None:
    """Print the largest groups, and how much the others hold."""
    screen.print_table(
        "Refused, by reason, type, producer and day",
        ["reason", "type", "producer", "day", "state", "records"],
        [
            (
                group.reason,
                shorten(group.type, LONG_NAME),
                shorten(group.source, LONG_NAME),
                group.day,
                group.state,
                group.records,
            )
            for group in groups[:limit]
        ],
    )
    if len(groups) > limit:
        rest = sum(group.records for group in groups[limit:])
        more = format_count(len(groups) - limit, "more group")
        screen.print_lines(f"… and {format_count(rest, 'record')} in {more}; see --limit")


def format_step(step: Step) -> str:
    """What a commit made of a record."""
    match step.state:
        case state if state == RECOVERED:
            return f"recovered in commit {step.sequence}"
        case state if state == DUPLICATE:
            return f"found to be a duplicate in commit {step.sequence}"
    return f"refused in commit {step.sequence}: {step.reason}: {step.detail}"


def shorten(text: str | None, length: int) -> str:
    """Cut a text of a record to a length that fits a table."""
    if text is None:
        return "-"
    return text if len(text) <= length else f"{text[:length]}…"


def read_bytes(archive: Archive, record: RejectedRecord) -> bytes:
    """Read the bytes of a record."""
    return record_at(archive, archive.log.commits()[record.sequence - 1], record.row)


def group_to_json(archive: Archive, group: Group) -> dict[str, object]:
    """The JSON report of a group."""
    return asdict(group) | {"samples": [record_to_json(archive, record) for record in group.samples]}


def record_to_json(archive: Archive, record: RejectedRecord) -> dict[str, object]:
    """The JSON report of a rejected record."""
    return {
        "sequence": record.sequence,
        "origin": record.origin,
        "position": record.position,
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

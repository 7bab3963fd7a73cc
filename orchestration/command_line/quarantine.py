"""`factlog quarantine list` and `show`: refused records, grouped, and one by one, byte for byte.

Belongs here: how refused records and their states are shown. Not here: why a record is refused
(`event_archive.validation.exact_validator`), and judging it again (`recovering`).
"""

import sys
from dataclasses import asdict
from datetime import datetime

import click

from event_archive.archive import Archive
from event_archive.errors import UnusableInput
from event_archive.landing.quarantine_file import record_at
from event_archive.quarantine.queries import Filter, Group, RefusedRecord, Step, grouped, history
from event_archive.quarantine.recovery_outcomes import DUPLICATE, RECOVERED, STATES
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
def list_refusals(
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
        screen.as_json([as_group(archive, group) for group in groups[:limit]])
        return
    if not groups:
        screen.say(nothing_found(archive, wanted))
        return
    show_groups(groups, limit)
    if samples:
        shown = [one for group in groups[:limit] for one in group.samples]
        screen.tell("")
        screen.table(
            "Samples",
            ["commit", "position", "type", "reason", "detail"],
            [
                (
                    one.sequence,
                    str(one.position),
                    shortened(one.type, LONG_NAME),
                    one.reason,
                    shortened(one.detail, LONG_TEXT),
                )
                for one in shown
            ],
        )
        place = f"{shown[0].sequence} --position {shown[0].position}"
        screen.say(f"Show one, byte for byte: factlog quarantine show {place}")


@quarantine.command("show", short_help="Show one refused record.")
@click.argument("sequence", type=click.IntRange(min=0), required=False, metavar="[COMMIT]")
@click.option(
    "--position",
    type=int,
    help="Its place in the source, as `quarantine list` gives it  [default: the first].",
)
@click.option("--raw", is_flag=True, help="Print the record's bytes and nothing else.")
@json_option
def show_refusal(sequence: int | None, position: int | None, raw: bool, wants_json: bool) -> None:
    """Show one refused record: where it came from, why it was refused, what became of it, its bytes.

    Without COMMIT, the newest commit that refused something.

    \b
    Examples:
      factlog quarantine show 3 --position 17
      factlog quarantine show 3 --position 17 --raw > record.json
    """
    archive = read_settings().open_archive()
    one, steps = find(archive, sequence, position)
    record = bytes_of(archive, one)
    if raw:
        sys.stdout.buffer.write(record)
        return
    fields = as_record(archive, one)
    if wants_json:
        screen.as_json(fields | {"history": steps})
        return
    text = screen.printable(str(fields.pop("record")))
    for name, value in fields.items():
        screen.tell(f"{name:<9} {screen.printable(str(value)) if value is not None else '-'}")
    for step in steps:
        screen.tell(f"{'history':<9} {screen.printable(told(step))}")
    if one.is_foreign and one.state == "refused":
        screen.tell(f"{'':<9} it landed by a mapping: only `quarantine recover --mapping` judges it again")
    screen.tell("", text[:LONG_RECORD])
    if len(text) > LONG_RECORD:
        screen.say(f"The first {LONG_RECORD:,} of {len(record):,} bytes. All of them: --raw")


quarantine.add_command(recover)


def find(archive: Archive, sequence: int | None, position: int | None) -> tuple[RefusedRecord, list[Step]]:
    """Find one refused record: of a commit or the newest, at a position or the first."""
    refusing = [commit.sequence for commit in archive.log.commits() if commit.quarantine]
    if not refusing:
        raise UnusableInput("the quarantine is empty: no record was ever refused")
    chosen = refusing[-1] if sequence is None else sequence
    if found := history(archive, chosen, position):
        return found
    place = "nothing" if position is None else f"nothing at position {position}"
    raise UnusableInput(f"commit {chosen} refused {place}; see: factlog quarantine list --sequence {chosen}")


def nothing_found(archive: Archive, wanted: Filter) -> str:
    """Word that there is no such record."""
    if not any(commit.quarantine for commit in archive.log.commits()):
        return "The quarantine is empty: no record was ever refused."
    if wanted == Filter():
        return "No record is refused any more. Those that were: factlog quarantine list --all"
    return "No refusal is like that. All there are: factlog quarantine list --all"


def show_groups(groups: list[Group], limit: int) -> None:
    """Print the largest groups, and how much the others hold."""
    screen.table(
        "Refused, by reason, type, producer and day",
        ["reason", "type", "producer", "day", "state", "records"],
        [
            (
                group.reason,
                shortened(group.type, LONG_NAME),
                shortened(group.source, LONG_NAME),
                group.day,
                group.state,
                group.records,
            )
            for group in groups[:limit]
        ],
    )
    if len(groups) > limit:
        rest = sum(group.records for group in groups[limit:])
        screen.tell(f"… and {rest:,} records in {len(groups) - limit:,} more groups; see --limit")


def told(step: Step) -> str:
    """Word what one commit said of a record."""
    match step.state:
        case state if state == RECOVERED:
            return f"recovered in commit {step.sequence}"
        case state if state == DUPLICATE:
            return f"found to be a duplicate in commit {step.sequence}"
    return f"refused in commit {step.sequence}: {step.reason}: {step.detail}"


def shortened(text: str | None, length: int) -> str:
    """Cut what a record says to a length that fits a table."""
    if text is None:
        return "-"
    return text if len(text) <= length else f"{text[:length]}…"


def bytes_of(archive: Archive, one: RefusedRecord) -> bytes:
    """Read a record's bytes."""
    return record_at(archive, archive.log.commits()[one.sequence - 1], one.row)


def as_group(archive: Archive, group: Group) -> dict[str, object]:
    """Give all there is to know of a group."""
    return asdict(group) | {"samples": [as_record(archive, one) for one in group.samples]}


def as_record(archive: Archive, one: RefusedRecord) -> dict[str, object]:
    """Give all there is to know of one refused record."""
    return {
        "sequence": one.sequence,
        "origin": one.origin,
        "position": one.position,
        "offset": one.offset,
        "type": one.type,
        "source": one.source,
        "id": one.event_id,
        "state": one.state,
        "judged_in": one.judged_in,
        "reason": one.reason,
        "detail": one.detail,
        "record": bytes_of(archive, one).decode("utf-8", "backslashreplace"),
    }

"""`factlog quarantine`: the records that were refused, counted, listed, and shown byte for byte.

Belongs here: how refusals are shown. Not here: why a record is refused (`event_archive.judge`).
"""

import sys

import click

from event_archive.errors import UnusableInput
from event_archive.quarantine import Refusal, refusal_counts, refusals
from orchestration.command_line import screen
from orchestration.command_line.opening import ListingGroup, json_option, read_settings

LONG_TEXT, LONG_NAME, LONG_RECORD = 300, 60, 10_000
SHOWN_COUNTS = 20


@click.group(cls=ListingGroup)
def quarantine() -> None:
    """Look at the records that were refused: how many, which, and why.

    \b
    Examples:
      factlog quarantine
      factlog quarantine list --reason unknown_type
      factlog quarantine show 3 --position 17
    """


@quarantine.command("list", short_help="Count and list the refusals.")
@click.option("--sequence", type=click.IntRange(min=0), help="Only refusals of this commit.")
@click.option("--reason", help="Only refusals for this reason (its code).")
@click.option("--type", "type_name", help="Only records that say they are of this type.")
@click.option(
    "--limit", "-n", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many."
)
@json_option
def list_refusals(
    sequence: int | None, reason: str | None, type_name: str | None, limit: int, wants_json: bool
) -> None:
    """Count the refusals by reason and type, and list them: commit, place in the source, reason.

    \b
    Examples:
      factlog quarantine list --sequence 3
      factlog quarantine list --reason unknown_type -n 5 --json
    """
    archive = read_settings().open_archive()
    found = refusals(archive, sequence=sequence, reason=reason, type=type_name, limit=limit)
    if wants_json:
        screen.as_json([as_record(refusal) for refusal in found])
        return
    counts = refusal_counts(archive)
    if not counts:
        screen.say("The quarantine is empty: no record was ever refused.")
        return
    if not found:
        screen.say("No refusal is like that. All there are: factlog quarantine list")
        return
    screen.table(
        "Refused, by reason and type",
        ["reason", "type", "records"],
        [(why, shortened(claimed, LONG_NAME), records) for why, claimed, records in counts[:SHOWN_COUNTS]],
    )
    if len(counts) > SHOWN_COUNTS:
        rest = sum(records for _, _, records in counts[SHOWN_COUNTS:])
        screen.tell(f"… and {rest:,} records of {len(counts) - SHOWN_COUNTS:,} other reasons and types")
    screen.tell("")
    screen.table(
        f"The first {len(found):,}",
        ["commit", "position", "type", "reason", "detail"],
        [
            (
                refusal.sequence,
                str(refusal.position),
                shortened(refusal.type, LONG_NAME),
                refusal.reason,
                shortened(refusal.detail, LONG_TEXT),
            )
            for refusal in found
        ],
    )
    first = found[0]
    screen.say(
        f"Show one, byte for byte: factlog quarantine show {first.sequence} --position {first.position}"
    )


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
    """Show one refused record: where it came from, why it was refused, its bytes.

    Without COMMIT, the newest commit that refused something.

    \b
    Examples:
      factlog quarantine show 3 --position 17
      factlog quarantine show 3 --position 17 --raw > record.json
    """
    refusal = find(sequence, position)
    if raw:
        sys.stdout.buffer.write(refusal.record)
        return
    if wants_json:
        screen.as_json(as_record(refusal))
        return
    fields = as_record(refusal)
    record = screen.printable(str(fields.pop("record")))
    for name, value in fields.items():
        screen.tell(f"{name:<9} {screen.printable(str(value)) if value is not None else '-'}")
    screen.tell("", record[:LONG_RECORD])
    if len(record) > LONG_RECORD:
        screen.say(f"The first {LONG_RECORD:,} of {len(refusal.record):,} bytes. All of them: --raw")


def find(sequence: int | None, position: int | None) -> Refusal:
    """Find one refusal: of a commit or the newest, at a position or the first."""
    archive = read_settings().open_archive()
    refusing = [commit.sequence for commit in archive.log.commits() if commit.counts.rejected]
    if not refusing:
        raise UnusableInput("the quarantine is empty: no record was ever refused")
    chosen = refusing[-1] if sequence is None else sequence
    for refusal in refusals(archive, sequence=chosen, limit=1 if position is None else None):
        if position in (None, refusal.position):
            return refusal
    place = "nothing" if position is None else f"nothing at position {position}"
    raise UnusableInput(f"commit {chosen} refused {place}; see: factlog quarantine list --sequence {chosen}")


def shortened(text: str | None, length: int) -> str:
    """Cut what a record says to a length that fits a table."""
    if text is None:
        return "-"
    return text if len(text) <= length else f"{text[:length]}…"


def as_record(refusal: Refusal) -> dict[str, object]:
    """Give all there is to know of one refusal."""
    return {
        "sequence": refusal.sequence,
        "origin": refusal.origin,
        "position": refusal.position,
        "offset": refusal.offset,
        "type": refusal.type,
        "source": refusal.source,
        "id": refusal.event_id,
        "reason": refusal.reason,
        "detail": refusal.detail,
        "record": refusal.record.decode("utf-8", "backslashreplace"),
    }

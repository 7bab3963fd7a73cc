"""The report of a landing: what became of the records of each source, and which sources did not land.

Belongs here: tables, notes and JSON, and the exit code that follows. Not here: landing (`land`), and what has
not landed yet (`land_preview`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from event_archive.store.commit import Counts
from event_archive.wording import agree, format_count
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE, UNUSABLE_INPUT

if TYPE_CHECKING:
    from event_archive import Landed
    from event_archive.landing.land import PassedOver

MANY = 10_000  # records: the time that fewer take is nothing to explain
COUNTED = ("received", "accepted", "duplicate", "rejected")


def report(outcomes: "Sequence[Landed | PassedOver]", wants_json: bool) -> int:
    """Print what became of the records, per source and in all, and of sources; the exit code."""
    from event_archive import Landed
    from event_archive.landing.land import PassedOver

    landed = [outcome for outcome in outcomes if isinstance(outcome, Landed)]
    passed_over = [outcome for outcome in outcomes if isinstance(outcome, PassedOver)]
    with_ignored = any(landing.counts.ignored for landing in landed)
    if wants_json:
        screen.print_json([to_json(outcome) for outcome in outcomes])
    elif landed:
        screen.print_table(
            None,
            ["source", *count_names(with_ignored), "commit"],
            [
                (
                    landing.origin,
                    *counts_in_order(landing.counts, with_ignored),
                    f"{landing.earlier.sequence} (earlier)" if landing.earlier else format_sequence(landing),
                )
                for landing in landed
            ],
            droppable=["duplicate", "received"],
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


def print_summary(landed: "Sequence[Landed]") -> None:
    """Print what a user does not see at once in the counts."""
    total = sum((landing.counts for landing in landed), Counts())
    if not total.received and not any(landing.earlier for landing in landed):
        screen.print_note("There was no record in it.")
    elif not total.accepted + total.rejected + total.ignored:
        screen.print_note("Nothing new: all of it had landed before.")
    if total.rejected:
        were = agree(total.rejected, "was refused and is", "were refused and are")
        screen.print_note(
            f"{total.rejected:,} of {format_count(total.received, 'record')} {were} kept in quarantine.",
            "Look at them with: factlog quarantine list",
        )
    judged = total.received - total.ignored
    if judged >= MANY:
        share = sum(landing.accepted_in_columns for landing in landed) * 100 // judged
        rest = "" if share == 100 else "; the others one by one, which takes longer"
        screen.print_note(f"{share} % of {format_count(judged, 'record')} were validated in columns{rest}.")


def print_damage(damaged: "Sequence[Landed]") -> None:
    """Print which inputs are damaged, and where."""
    for landing in damaged:
        screen.print_note(screen.printable(f"{landing.origin} is damaged: {landing.damage}"))
    if damaged:
        screen.print_note("Ask the producer for a whole copy: landing it adds what is missing, and no more.")


def format_sequence(landing: "Landed") -> str:
    """The number of the commit that a landing made, or a dash."""
    return str(landing.commit.sequence) if landing.commit else "-"


def count_names(with_ignored: bool = False) -> tuple[str, ...]:
    """The names of the counts, in the order of the sum: received is what all the others come to."""
    return (*COUNTED, "ignored") if with_ignored else COUNTED


def counts_in_order(counts: Counts, with_ignored: bool = False) -> tuple[int, ...]:
    """The counts in the order of their names; few mappings ignore anything."""
    return tuple(getattr(counts, name) for name in count_names(with_ignored))


def counts_to_json(counts: Counts) -> dict[str, int]:
    """The counts by name, all of them."""
    return dict(zip(count_names(True), counts_in_order(counts, True), strict=True))


def to_json(outcome: "Landed | PassedOver") -> dict[str, object]:
    """The JSON report of a source; `problem` says why one was passed over."""
    from event_archive import Landed
    from event_archive.landing.land import PassedOver

    landing = outcome if isinstance(outcome, Landed) else Landed(outcome.origin, Counts())
    commit = landing.commit or landing.earlier
    return {
        "origin": landing.origin,
        **counts_to_json(landing.counts),
        "ignored_because": commit.ignored if commit else {},
        "accepted_in_columns": landing.accepted_in_columns,
        "sequence": commit.sequence if commit else None,
        "landed_earlier": landing.earlier is not None,
        "problem": outcome.problem if isinstance(outcome, PassedOver) else None,
        "damage": landing.damage,
    }

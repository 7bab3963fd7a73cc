"""`factlog quarantine recover`: judge refused records again, and land those that are events by now.

Belongs here: options and the report. Not here: validating them (`event_archive.quarantine.recover`), and how
rejected records are listed (`quarantine`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import UnusableInput
from event_archive.store.remaps import totals
from orchestration.command_line import completion, progress, screen
from orchestration.command_line.options import clock_option, contracts_option, json_option, read_settings

if TYPE_CHECKING:
    from event_archive.quarantine.recover import Recovery

SHOWN_REASONS = 10


@click.command(short_help="Judge refused records again, and land those that pass.")
@contracts_option
@click.option(
    "--repair",
    "repair_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A repair (YAML) to apply to the records first.",
)
@click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge the records that landed by a mapping, by this one, and no others.",
)
@click.option("--sequence", type=click.IntRange(min=1), help="Only records that this commit refused.")
@click.option("--reason", help="Only records with this reason (its code), the latest.")
@click.option(
    "--type",
    "type_name",
    shell_complete=completion.event_types,
    help="Only records that say they are of this type.",
)
@click.option("--source", help="Only records that say they are from this producer.")
@click.option("--dry-run", is_flag=True, help="Say what would become of the records, and commit nothing.")
@clock_option
@json_option
def recover(
    contracts: Path | None,
    repair_file: Path | None,
    mapping_file: Path | None,
    sequence: int | None,
    reason: str | None,
    type_name: str | None,
    source: str | None,
    dry_run: bool,
    accepts_clock: bool,
    wants_json: bool,
) -> None:
    """Judge the records that are still refused again, under today's contracts, and land those that pass.

    They land as one commit; the rest stay refused, with today's reason. Where nothing changes there is no
    commit, so that it can be run at any time, any number of times.

    \b
    Examples:
      factlog quarantine recover --dry-run
      factlog quarantine recover --reason unknown_type --source /services/core
      factlog quarantine recover --json
    """
    from event_archive.quarantine.recover import Selection
    from event_archive.quarantine.recover import recover as recover_records
    from event_archive.quarantine.repair import load_repair

    if repair_file and mapping_file:
        raise UnusableInput(
            "--repair, --mapping: a repair is for events, a mapping for other records; name one"
        )
    settings = read_settings(contracts, accepts_clock=accepts_clock)
    archive = settings.open_archive()
    repair = load_repair(repair_file, settings.limits) if repair_file else None
    mapping = settings.load_mapping(mapping_file, archive.contracts) if mapping_file else None
    pending = max(totals(archive.log.commits()).rejected, 1)
    with progress.show_progress("Judging", pending, "records") as show:
        result = recover_records(
            archive,
            Selection(sequence, reason, type_name, source),
            repair=repair,
            mapping=mapping,
            limits=settings.limits,
            dry_run=dry_run,
            progress=show,
        )
    if wants_json:
        screen.print_json(to_json(result, dry_run=dry_run))
        return
    if result.judged:
        screen.print_table(
            "What became of the records" + (" (dry run: nothing was committed)" if dry_run else ""),
            ["judged again", "recovered", "duplicate", "refused", "of them, for another reason"],
            [
                (
                    result.judged,
                    result.counts.accepted,
                    result.counts.duplicate,
                    sum(result.rejected.values()),
                    result.counts.rejected,
                )
            ],
        )
    if result.rejected:
        screen.print_lines("")
        screen.print_table(
            "Still refused",
            ["reason", "type", "records"],
            [
                (why, claimed or "-", records)
                for (why, claimed), records in result.rejected.most_common(SHOWN_REASONS)
            ],
        )
    screen.print_note(*format_conclusion(result, dry_run=dry_run))


def format_conclusion(result: "Recovery", *, dry_run: bool) -> list[str]:
    """What came of it, and what was left alone, a line each."""
    lines = []
    if result.left_out:
        lines.append(
            f"{result.left_out:,} record(s) are too long, empty or can't be decoded, and were left alone."
        )
    if result.foreign:
        lines.append(
            f"{result.foreign:,} record(s) landed by a mapping, and were left alone: name it with --mapping."
        )
    if not result.judged:
        lines.append("No record was judged again. All that are refused: factlog quarantine list")
    elif result.commit:
        lines.append(f"Commit {result.commit.sequence} says so.")
        lines += ["Derive what it brought: factlog refresh"] if result.counts.accepted else []
    elif not dry_run:
        lines.append("Nothing has changed, so there is no commit.")
    return lines


def to_json(result: "Recovery", *, dry_run: bool) -> dict[str, object]:
    """The JSON report of a recovery."""
    return {
        "sequence": result.commit.sequence if result.commit else None,
        "dry_run": dry_run,
        "judged": result.judged,
        "recovered": result.counts.accepted,
        "duplicate": result.counts.duplicate,
        "refused": sum(result.rejected.values()),
        "refused_for_another_reason": result.counts.rejected,
        "left_out": result.left_out,
        "foreign": result.foreign,
        "reasons": [
            {"reason": reason, "type": claimed, "records": records}
            for (reason, claimed), records in result.rejected.most_common()
        ],
    }

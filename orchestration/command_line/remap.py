"""`factlog remap`: apply a wider mapping to what has landed.

Belongs here: options and the report. Not here: the work (`event_archive.remapping.remap`).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.command_line import progress, screen
from orchestration.command_line.landing_report import counts_to_json
from orchestration.command_line.options import clock_option, contracts_option, json_option, read_settings

if TYPE_CHECKING:
    from event_archive.remapping.remap import Remapping


@click.command(short_help="Apply a wider mapping to what has landed by one.")
@contracts_option
@click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="The mapping (YAML) that the events are to come from.",
)
@click.option(
    "--commit",
    "sequences",
    type=click.IntRange(min=1),
    multiple=True,
    help="Only what this commit landed or recovered, several times if needed.  [default: all of its types]",
)
@click.option("--dry-run", is_flag=True, help="Say what would become of the events, and commit nothing.")
@clock_option
@json_option
def remap(
    contracts: Path | None,
    mapping_file: Path,
    sequences: tuple[int, ...],
    dry_run: bool,
    accepts_clock: bool,
    wants_json: bool,
) -> None:
    """Apply a wider mapping to the records of landings and recoveries by a mapping, as one commit.

    Every event keeps its source, id and type; it may say more, and records that were ignored may become
    events. The new events stand in the place of the old ones for every reader from this commit on; up to it,
    the old ones are seen. Where a record would be refused, or an event would not come again, nothing is
    committed.

    \b
    Examples:
      factlog remap --mapping mapping.yaml --dry-run
      factlog remap --mapping mapping.yaml --commit 3 --commit 5
    """
    from event_archive.remapping.remap import remap as remap_records

    settings = read_settings(contracts, accepts_clock=accepts_clock)
    archive = settings.open_archive()
    mapping = settings.load_mapping(mapping_file, archive.contracts)
    files = (commit.records or commit.outcomes for commit in archive.log.commits())
    kept = max(sum(file.rows for file in files if file), 1)
    with progress.show_progress("Mapping", kept, "records") as show:
        result = remap_records(
            archive,
            mapping,
            sequences,
            limits=settings.limits,
            dry_run=dry_run,
            progress=lambda mapped: show(min(mapped, kept)),
        )
    if wants_json:
        screen.print_json(to_json(result, dry_run=dry_run))
        return
    if result.landings:
        types = sorted({*result.events.changed, *result.events.added})
        screen.print_table(
            None,
            ["type", "changed", "new"],
            [(name, result.events.changed.get(name, 0), result.events.added.get(name, 0)) for name in types],
        )
    screen.print_note(*format_conclusion(result, dry_run=dry_run))


def format_conclusion(result: "Remapping", *, dry_run: bool) -> list[str]:
    """What came of it, and what was left out, a line each."""
    by_reason: dict[str, list[int]] = {}
    for sequence, why in result.left_out.items():
        by_reason.setdefault(why, []).append(sequence)
    lines = [
        f"Left out: {len(listed):,} commit(s), such as commit {listed[0]}: {why}."
        for why, listed in by_reason.items()
    ]
    if result.counts.rejected:
        lines.append(
            f"{result.counts.rejected:,} element(s) are refused as before, or have another event's name."
        )
    if result.commit:
        lines += [f"Commit {result.commit.sequence} says so.", "Derive what it changed: factlog refresh"]
    elif not result.landings:
        lines.append("There is nothing to apply it to.")
    elif dry_run:
        lines.append("A dry run: nothing was committed.")
    else:
        lines.append("All events are as they were, so there is no commit.")
    return lines


def to_json(result: "Remapping", *, dry_run: bool) -> dict[str, object]:
    """The JSON report of a remap."""
    return {
        "sequence": result.commit.sequence if result.commit else None,
        "dry_run": dry_run,
        "landings": result.landings,
        "left_out": result.left_out,
        "changed": result.events.changed,
        "new": result.events.added,
        **counts_to_json(result.counts),
    }

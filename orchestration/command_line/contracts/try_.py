"""`factlog contracts try`: a proposed contract, tried on the events that are in the archive.

Belongs here: options, and the report of a trial. Not here: the trial (`event_archive.evolution.trial`),
which fields change (`event_archive.evolution.changed_fields`) and who reads them
(`orchestration.contract_tools.readers`).
"""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import UnusableInput
from event_archive.evolution.changed_fields import ChangedField, changed_fields
from event_archive.evolution.trial_result import RejectedExample, Trial
from event_archive.registry.contract import Contract, load_contract
from orchestration.command_line import screen
from orchestration.command_line.options import contracts_option, json_option, read_settings
from orchestration.settings import Settings

if TYPE_CHECKING:
    from event_archive.evolution.trial import Days
    from orchestration.contract_tools.readers import Reader

SHOWN_GROUPS, SHOWN_VALUE = 20, 80


@click.command("try", short_help="Judge the archived events under a proposed contract.")
@click.argument("file", metavar="NEW.yaml", type=click.Path(path_type=Path))
@click.option("--days", metavar="A..B", help="Only events of these days, B not included.  [default: all]")
@click.option(
    "--no-readers", is_flag=True, help="Leave out which models read what changes: it takes some seconds."
)
@contracts_option
@json_option
def try_(file: Path, days: str | None, no_readers: bool, contracts: Path | None, wants_json: bool) -> int:
    """Judge the archived events under a proposed contract and its upcast. Nothing is changed.

    Says how many events would be refused, why, by which producer, with examples; and which models and
    columns read the fields that change. Exit code 1 where an event would be refused.

    \b
    Example:
      factlog contracts try event_archive/contracts/translation.requested.v2.yaml
    """
    from event_archive.evolution.trial import try_contract

    settings = read_settings(contracts)
    proposal = load_contract(file)
    archive = settings.open_archive()
    trial = try_contract(archive, proposal, parse_days(days), memory_bytes=settings.limits.memory_bytes)
    released = archive.contracts.majors(proposal.view_name)
    changed = changed_fields(released[-1], proposal) if released else []
    reading = find_readers(settings, proposal, changed) if changed and not no_readers else []
    if wants_json:
        screen.print_json(to_json(proposal, trial, changed, reading))
    else:
        print_trial(proposal, trial, changed, reading)
    return 1 if trial.rejected else 0


def parse_days(days: str | None) -> "Days | None":
    """Parse `A..B`; raises UnusableInput."""
    from event_archive.evolution.trial import Days

    if days is None:
        return None
    first, dots, end = days.partition("..")
    try:
        wanted = Days(date.fromisoformat(first), date.fromisoformat(end)) if dots else None
    except ValueError:
        wanted = None
    if wanted is None:
        raise UnusableInput(f"--days {days}: write two days, such as 2026-01-01..2026-02-01")
    if wanted.first >= wanted.end:
        raise UnusableInput(f"--days {days}: holds no day; the second day must be later, and is not included")
    return wanted


def find_readers(settings: Settings, proposal: Contract, changed: list[ChangedField]) -> "list[Reader]":
    """Find the models and columns that read what changes."""
    from orchestration.contract_tools.readers import compiled_manifest, readers

    return readers(compiled_manifest(settings), proposal.view_name, [field.path for field in changed])


def print_trial(
    proposal: Contract, trial: Trial, changed: list[ChangedField], reading: "list[Reader]"
) -> None:
    """Print a trial for a person."""
    tried = ", ".join(f"{count:,} of {name}" for name, count in trial.tried.items())
    screen.print_lines(f"{proposal.type}, revision {proposal.revision}: tried on {tried or 'no event'}")
    screen.print_lines(f"would be refused: {trial.rejected:,}")
    groups = trial.ordered()
    for group in groups[:SHOWN_GROUPS]:
        where = screen.printable(f"{group.type} from {group.source}: {group.place} {group.reason}")
        screen.print_lines(f"{group.events:>8,}  {where}")
        screen.print_lines(f"          for example {screen.printable(format_example(group.examples[0]))}")
    if len(groups) > SHOWN_GROUPS:
        screen.print_note(f"The first {SHOWN_GROUPS} of {len(groups):,} kinds. All of them: --json")
    if changed:
        screen.print_lines("")
        screen.print_table(
            "What changes", ["field", "change"], [(field.path, field.change) for field in changed]
        )
    if reading:
        columns: dict[tuple[str, str], list[str]] = {}
        for reader in reading:
            columns.setdefault((reader.field, reader.model), []).append(reader.column)
        screen.print_lines("")
        screen.print_table(
            "Who reads it",
            ["field", "model", "columns"],
            [(field, model, ", ".join(sorted(names))) for (field, model), names in sorted(columns.items())],
        )


def format_example(example: RejectedExample) -> str:
    """An event that would be rejected, and what of it."""
    shown = example.detail or example.value
    text = f"{example.event_id} (commit {example.sequence}, {example.origin})"
    return f"{text}: {str(shown)[:SHOWN_VALUE]}" if shown else text


def to_json(
    proposal: Contract, trial: Trial, changed: list[ChangedField], reading: "list[Reader]"
) -> dict[str, object]:
    """The JSON report of a trial."""
    return {
        "type": proposal.type,
        "revision": proposal.revision,
        "tried": trial.tried,
        "refused": trial.rejected,
        "refusals": [asdict(group) for group in trial.ordered()],
        "changed": [asdict(field) for field in changed],
        "readers": [asdict(reader) for reader in reading],
    }

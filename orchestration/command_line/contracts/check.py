"""`factlog contracts check`: whether the contracts hold, and whether released ones only say more.

Belongs here: options and the report. Not here: the rules (`event_archive.evolution.release_rules`).
"""

from dataclasses import asdict
from pathlib import Path

import click

from event_archive.evolution.release_rules import release_faults
from event_archive.registry.contract import load_contracts
from event_archive.validation.own_examples import example_faults
from event_archive.wording import agree, format_count
from orchestration.command_line import screen
from orchestration.command_line.options import contracts_option, json_option, read_contracts_folder
from orchestration.contract_tools.released import released_contracts


@click.command("check", short_help="Check the contracts, also against released ones.")
@click.option(
    "--against",
    metavar="REV|DIR",
    help="A git revision, or a folder, that holds what was released.  [default: examples are checked alone]",
)
@contracts_option
@json_option
def check(against: str | None, contracts: Path | None, wants_json: bool) -> int:
    """Check that each contract loads and accepts its own examples.

    With --against, also that a released contract is still there and only says more: new optional fields, new
    values of an enum, looser bounds, with a raised revision. Anything else is a new major. Exit code 1 where
    something does not hold.

    \b
    Examples:
      factlog contracts check
      factlog contracts check --against HEAD
    """
    folder = read_contracts_folder(contracts)
    current = load_contracts(folder)
    faults = [fault for contract in current.values() for fault in example_faults(contract)]
    if against is not None:
        faults += release_faults(released_contracts(folder, against), current)
    if wants_json:
        screen.print_json([asdict(fault) for fault in faults])
    else:
        for fault in faults:
            screen.print_lines(screen.printable(f"{fault.type}: {fault.place}: {fault.why}"))
        screen.print_note(
            f"{format_count(len(current), 'contract')}, {len(faults)} that must not be"
            if faults
            else f"{format_count(len(current), 'contract')} {agree(len(current), 'holds', 'hold')}."
        )
    return 1 if faults else 0

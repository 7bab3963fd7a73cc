"""`factlog contracts new`: the first text of a contract, put into its file.

Belongs here: options, where the file is put, and what comes next. Not here: what the text says
(`event_archive.evolution.new_contract`).
"""

import shlex
from pathlib import Path

import click

from event_archive import UnusableInput
from event_archive.evolution.new_contract import contract_skeleton
from event_archive.registry.contract import Contracts, load_contracts
from orchestration.command_line import completion, screen
from orchestration.command_line.options import contracts_option, json_option, read_contracts_folder


@click.command("new", short_help="Begin a contract, or the next major of one.")
@click.argument("event_type", metavar="TYPE", shell_complete=completion.event_types)
@click.option(
    "--owner", metavar="TEAM", help="Who answers for it.  [default: core, or as in the major before]"
)
@click.option(
    "--actor",
    "actors",
    metavar="TYPE[,TYPE…]",
    multiple=True,
    help="Who may do it.  [default: customer,system, or as in the major before]",
)
@contracts_option
@json_option
def new(
    event_type: str, owner: str | None, actors: tuple[str, ...], contracts: Path | None, wants_json: bool
) -> None:
    """Write the contract of TYPE: a text that holds as it stands, with comments that say what to put where.

    TYPE is <object>.<verb, past tense>.v<major>. The next major of a type begins as the newest one reads,
    with an upcast that carries every field over. A file that is there is never overwritten.

    \b
    Examples:
      factlog contracts new parcel.dispatched.v1 --owner shipping --actor carrier,system
      factlog contracts new translation.requested.v3
    """
    from orchestration.command_line.contracts.import_export import create

    folder = read_contracts_folder(contracts)
    # A folder that is to come, or that is still empty, has no contract to collide with.
    known = load_contracts(folder) if any(folder.glob("*.yaml")) else Contracts([])
    actor_types = tuple(dict.fromkeys(actor.strip() for listed in actors for actor in listed.split(",")))
    text = contract_skeleton(event_type, known, owner, actor_types)
    path = folder / f"{event_type}.yaml"
    if path.exists():
        raise UnusableInput(f"{path}: is there already, and is not overwritten")
    create(path, text)
    shown = screen.format_path(path)
    steps = next_steps(event_type, shown, contracts)
    if wants_json:
        commands = [command for _, command in steps]
        screen.print_json({"type": event_type, "path": shown, "next_commands": commands})
        return
    screen.print_lines(shown)
    for said, command in steps:
        screen.print_note(f"{said}: {command}")


def next_steps(event_type: str, path: str, contracts: Path | None) -> list[tuple[str, str]]:
    """What follows once the contract is edited, each step with its command; `contracts`: as it was typed."""
    where = f" --contracts {shlex.quote(screen.format_path(contracts))}" if contracts else ""
    steps = [("Edit it, then", f"factlog contracts check{where}")]
    if not event_type.endswith(".v1"):
        steps.append(("and, before it is released", f"factlog contracts try {shlex.quote(path)}"))
    elif not contracts:
        steps.append(("and", "factlog contracts docs"))
    return steps

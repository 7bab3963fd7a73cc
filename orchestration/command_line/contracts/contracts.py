"""`factlog contracts`: the event types, and what each promises.

Belongs here: how contracts are shown. Not here: what a contract may say (`event_archive.registry.contract`).
"""

from pathlib import Path

import click

from event_archive.registry.contract import Contract, Contracts, load_contracts
from orchestration.command_line import completion, screen
from orchestration.command_line.contracts.check import check
from orchestration.command_line.contracts.diff import diff
from orchestration.command_line.contracts.docs import docs
from orchestration.command_line.contracts.import_export import export, import_
from orchestration.command_line.contracts.new import new
from orchestration.command_line.contracts.try_ import try_
from orchestration.command_line.options import (
    ListingGroup,
    contracts_option,
    json_option,
    read_contracts_folder,
    unknown_type,
)


@click.group(cls=ListingGroup)
def contracts() -> None:
    """List the event types, show one, compare two, or try a proposed one on the archived events.

    \b
    Examples:
      factlog contracts
      factlog contracts show translation.requested.v1
      factlog contracts list --contracts examples/github/contracts
    """


@contracts.command("list", short_help="List the event types.")
@contracts_option
@json_option
def list_contracts(contracts: Path | None, wants_json: bool) -> None:
    """List the event types: revision, owner, who may act, and what it says.

    \b
    Example:
      factlog contracts list --json
    """
    known = read_contracts(contracts)
    if wants_json:
        screen.print_json([to_json(contract) for contract in known.values()])
        return
    screen.print_table(
        None,
        ["type", "revision", "owner", "actor", "description"],
        [
            (
                contract.type,
                contract.revision,
                contract.owner,
                ", ".join(contract.actor_types),
                contract.description,
            )
            for contract in known.values()
        ],
        droppable=["revision", "actor", "owner"],
    )


@contracts.command("show", short_help="Show one contract.")
@click.argument("type_name", metavar="TYPE", shell_complete=completion.event_types)
@contracts_option
@json_option
def show_contract(type_name: str, contracts: Path | None, wants_json: bool) -> None:
    """Show one contract: its file, word for word.

    \b
    Example:
      factlog contracts show translation.requested.v1
    """
    known = read_contracts(contracts)
    if type_name not in known:
        raise unknown_type(type_name, known)
    contract = known[type_name]
    if wants_json:
        screen.print_json(
            {**to_json(contract), "schema": contract.schema, "examples": list(contract.examples)}
        )
        return
    screen.print_note(f"# {screen.format_path(contract.path)}")
    screen.print_lines(contract.path.read_text(encoding="utf-8").rstrip())


def read_contracts(folder: Path | None) -> Contracts:
    """Read the contracts of a folder, or those of the project."""
    return load_contracts(read_contracts_folder(folder))


def to_json(contract: Contract) -> dict[str, object]:
    """The JSON report of a contract."""
    return {
        "type": contract.type,
        "revision": contract.revision,
        "owner": contract.owner,
        "object": contract.object_type,
        "verb": contract.verb,
        "major": contract.major,
        "actor": list(contract.actor_types),
        "description": contract.description,
        "view": f"events.{contract.view_name}",
        "path": str(contract.path),
    }


contracts.add_command(check)
contracts.add_command(diff)
contracts.add_command(docs)
contracts.add_command(import_)
contracts.add_command(new)
contracts.add_command(export)
contracts.add_command(try_)

"""`factlog contracts docs`: what the contracts say, written where dbt and people read it.

Belongs here: how that is asked for, and writing the files. Not here: their text
(`orchestration.contract_tools.docs`).
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import UnusableInput
from event_archive.registry.contract import load_contracts
from event_archive.store.durable import make_durable_folder
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings
from orchestration.setting_values import absolute

if TYPE_CHECKING:
    from orchestration.contract_tools.docs import Document


@click.command("docs", short_help="Write the contracts' descriptions for dbt and for people.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a file is out of date.")
@click.option(
    "--page",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The page of event types.  [default: docs/event-types.md beside the dbt project]",
)
@json_option
def docs(check: bool, page: Path | None, wants_json: bool) -> int:
    """Write what follows from the contracts: dbt's sources, a staging model for each new type, and the page.

    The sources (models/staging/_events.yml) and the page's table are written anew. A staging model, with its
    descriptions, is written for an event type that no model reads, and is never overwritten. The contracts
    and the dbt project are those of the project, or FACTLOG_CONTRACTS and FACTLOG_DBT_PROJECT.

    \b
    Examples:
      factlog contracts docs
      factlog contracts docs --check
    """
    from orchestration.contract_tools.docs import documents

    settings = read_settings(requires=["contracts", "dbt_project"])
    page = absolute(page, "--page") if page else settings.dbt_project.parent / "docs" / "event-types.md"
    settings.require_foreign(page)
    written = documents(load_contracts(settings.contracts), settings.dbt_project, page)
    stale = [document for document in written if document.is_stale()]
    for document in () if check else stale:
        write(document)
    if wants_json:
        screen.print_json({"up_to_date": not stale or not check, "files": [each.path for each in stale]})
        return DOES_NOT_HOLD if check and stale else DONE
    for document in stale:
        why = ": is out of date; run: factlog contracts docs" if check else ""
        screen.print_lines(f"{screen.format_path(document.path)}{why}")
    if not stale:
        screen.print_note("Everything says what the contracts say.")
    return DOES_NOT_HOLD if check and stale else DONE


def write(document: "Document") -> None:
    """Write a file whole, or not at all."""
    from orchestration.command_line.contracts.import_export import create

    if document.once:
        create(document.path, document.text)
        return
    try:
        make_durable_folder(document.path.parent)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=document.path.parent, prefix=".", delete=False
        ) as file:
            file.write(document.text)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(document.path)
    except OSError as error:
        raise UnusableInput(f"{document.path}: can't be written: {error.strerror}") from error

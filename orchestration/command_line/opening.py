"""Options that several commands share, and what they open.

Belongs here: the one place where `--contracts` becomes settings. Not here: the settings themselves.
"""

from dataclasses import replace
from pathlib import Path

import click

from orchestration.settings import Settings

contracts_option = click.option(
    "--contracts",
    "contracts",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of contracts to go by.  [default: those of the project, or FACTLOG_CONTRACTS]",
)
json_option = click.option("--json", "wants_json", is_flag=True, help="Print JSON instead of a table.")


def read_settings(contracts: Path | None = None) -> Settings:
    """Read the settings of this installation, and go by the contracts of a folder where one is named."""
    settings = Settings.from_environment()
    return replace(settings, contracts=contracts.expanduser().absolute()) if contracts else settings

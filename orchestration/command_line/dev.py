"""`factlog dev`: the Dagster UI of the project.

Belongs here: its option. Not here: starting Dagster (`orchestration.dev`).
"""

import click

from orchestration.command_line.options import read_settings
from orchestration.dev import PORT, start


@click.command()
@click.option("--port", default=PORT, show_default=True, help="The port of the UI.")
def dev(port: str) -> None:
    """Run the Dagster UI of the project on this machine, with its daemon, until it is stopped.

    Files that are dropped into the inbox land by themselves, and the dataset is refreshed.

    \b
    Example:
      factlog dev --port 3001
    """
    start(read_settings(), port)

"""`factlog status`, and `factlog` alone in a project: where things stand, on one screen.

Belongs here: options, and how the lines are laid out. Not here: what is collected (`orchestration.health`).
"""

from datetime import UTC, datetime

import click

from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings

STYLES = {"problem": "bold red", "next": "bold"}


@click.command()
@json_option
def status(wants_json: bool) -> int:
    """Show where things stand: archive, what waits, what is served, what a refresh would do, what failed.

    Nothing is written, and nothing is judged by a clock. Exit code 1 where something needs a person.
    `factlog` without a command, in a project, is the same.

    \b
    Examples:
      factlog status
      factlog status --json
    """
    from orchestration.health.status import collect
    from orchestration.health.status_report import to_json, to_lines

    settings = read_settings(requires=["home"])
    standing = collect(settings)
    if wants_json:
        screen.print_json(to_json(standing))
    else:
        for heading, words in to_lines(standing, datetime.now(UTC), settings.time_zone):
            screen.print_words(heading, words, STYLES.get(heading))
    return DONE if standing.is_well else DOES_NOT_HOLD

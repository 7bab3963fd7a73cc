"""`factlog doctor`: what is wrong with the installation, and what to do about it.

Belongs here: options, and how the lines are laid out. Not here: what is looked at (`orchestration.health`).
"""

import click

from event_archive import UnusableInput
from event_archive.wording import agree, format_count
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings
from orchestration.settings import Settings

STYLES = {"wrong": "bold red", "note": "yellow"}


@click.command()
@json_option
def doctor(wants_json: bool) -> int:
    """Look at the installation: packages, project, rights, archive, clock, disk, locks, leftovers, daemon.

    Says of each whether it is well, worth a note or wrong, and what to do. Nothing is written. Exit code 1
    where something is wrong.

    \b
    Examples:
      factlog doctor
      factlog doctor --json
    """
    from orchestration.health.doctor import examine

    settings: Settings | UnusableInput
    try:
        settings = read_settings()
    except UnusableInput as error:
        settings = error
    examined = list(examine(settings))
    wrong = sum(each.state == "wrong" for each in examined)
    if wants_json:
        screen.print_json({"well": not wrong, "examined": examined})
    else:
        for each in examined:
            to_do = f". To do: {each.to_do}" if each.to_do else ""
            screen.print_words(each.state, f"{each.name}: {each.found}{to_do}", STYLES.get(each.state))
        things = format_count(wrong, "thing")
        screen.print_note(f"{things} {agree(wrong, 'is', 'are')} wrong." if wrong else "Nothing is wrong.")
    return DOES_NOT_HOLD if wrong else DONE

"""`factlog init`: a project of one's own, which runs at once.

Belongs here: options, and what to type next. Not here: which files those are (`orchestration.new_project`).
"""

import shlex
from pathlib import Path

import click

from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.command_line.options import NamedChoice, json_option
from orchestration.new_project import EXAMPLES, FIRST, make_project
from orchestration.setting_values import absolute


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--example",
    type=NamedChoice(list(EXAMPLES)),
    help="Begin with a working example, not with the template.",
)
@click.option("--name", help="The name of the dbt project.  [default: after the folder]")
@json_option
def init(folder: Path, example: str | None, name: str | None, wants_json: bool) -> None:
    """Make a project of your own in DIR: contracts, mappings, models and tests, which run at once.

    Nothing that is there is overwritten. The macros that facts are made with come with factlog itself, and
    are updated with it.

    \b
    Examples:
      factlog init shop
      factlog init shop --example shop
    """
    if example and name:
        raise click.UsageError("--name and --example: an example has its name; leave one of them out")
    place = absolute(folder, "DIR")
    files = make_project(place, name=name, example=example)
    steps = [] if place == Path.cwd() else [f"cd {shlex.quote(screen.format_path(place))}"]
    steps += [EXAMPLES[example] if example else FIRST, "factlog refresh"]
    if wants_json:
        screen.print_json({"project": place, "files": files, "next_commands": steps})
        return
    screen.print_lines(f"Made a project in {screen.format_path(place)}: {format_count(len(files), 'file')}.")
    screen.print_lines("Next:", *(f"  {step}" for step in steps))

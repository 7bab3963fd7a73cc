"""`factlog check`: what in the project was written for an older factlog.

Belongs here: the report and the exit code. Not here: what is looked for (`orchestration.dbt.older_project`).
"""

import click

from event_archive.wording import format_count
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings


@click.command()
@json_option
def check(wants_json: bool) -> int:
    """Name each line of the project that was written for an older factlog, with what to write instead.

    Nothing is changed and nothing is derived. Exit code 1 where there is such a line. See
    docs/how-to-upgrade.md.

    \b
    Example:
      factlog check
    """
    from orchestration.dbt.older_project import old_places
    from orchestration.dbt.project_rules import check_project_files

    project = read_settings(requires=["dbt_project"]).dbt_project
    check_project_files(project)
    places = old_places(project)
    if wants_json:
        screen.print_json(places)
    else:
        shown = screen.format_path(project)
        for place in places:
            line = f"{shown}/{place.file}:{place.line}: {place.found}: {place.write}"
            screen.print_lines(screen.printable(line))
        found = f"{format_count(len(places), 'line')} to write otherwise, named above"
        screen.print_note(f"{found}." if places else "Nothing in the project is of an older factlog.")
    return DOES_NOT_HOLD if places else DONE

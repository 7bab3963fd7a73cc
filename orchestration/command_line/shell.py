"""`factlog shell`: the served dataset in a program for asking in SQL, where one is installed.

Belongs here: which programs, and how each opens a file without writing to it. Not here: answering a query
(`query`).
"""

import os
import shutil
import sys

import click

from event_archive import UnusableInput
from orchestration.command_line import completion
from orchestration.command_line.options import read_settings

# The program that is found first is opened, by these arguments and the file.
PROGRAMS = {"harlequin": "--read-only", "duckdb": "-readonly"}
INSTALL = "install one of them (pip install harlequin, pip install duckdb-cli), or ask by: factlog query SQL"


@click.command()
@click.argument(
    "number",
    type=click.IntRange(min=1),
    metavar="[VERSION]",
    required=False,
    shell_complete=completion.version_numbers,
)
@click.option("--with", "program", type=click.Choice([*PROGRAMS]), help="This one.  [default: what is found]")
def shell(number: int | None, program: str | None) -> None:
    """Open what is served, or a version, in Harlequin or in the shell of DuckDB, to read it.

    The version that is opened stays the same until the program is closed.

    \b
    Examples:
      factlog shell
      factlog shell 3 --with duckdb
    """
    from orchestration.dataset.versions import find_version, intact_file, require_served_version

    settings = read_settings()
    version = find_version(settings, number) if number else require_served_version(settings)
    file = intact_file(settings, version)
    for name in [program] if program else PROGRAMS:
        if path := shutil.which(name):
            sys.stdout.flush()
            os.execv(path, [path, PROGRAMS[name], str(file)])
    missing = program or " nor ".join(PROGRAMS)
    raise UnusableInput(f"{missing}: not installed; {INSTALL}")

"""`factlog shell`: the served dataset in a program for asking in SQL, where one is installed.

Belongs here: which programs, and how each opens a file without writing to it. Not here: answering a query
(`query`).
"""

import os
import shutil
import sys

import click

from event_archive import UnusableInput
from orchestration.command_line.options import NamedChoice, read_settings, version_argument

# The program that is found first is opened, by these arguments and the file.
PROGRAMS = {"harlequin": "--read-only", "duckdb": "-readonly"}
INSTALL = "install one of them (pip install harlequin, pip install duckdb-cli), or ask by: factlog query SQL"


@click.command()
@version_argument()
@click.option("--with", "program", type=NamedChoice([*PROGRAMS]), help="This one.  [default: what is found]")
def shell(number: int | None, program: str | None) -> None:
    """Open what is served, or a version, in Harlequin or in the shell of DuckDB, to read it.

    The version that is opened stays the same until the program is closed.

    \b
    Examples:
      factlog shell
      factlog shell 3 --with duckdb
    """
    from orchestration.dataset.versions import intact_file, version_or_served

    settings = read_settings()
    version = version_or_served(settings, number)
    file = intact_file(settings, version)
    for name in [program] if program else PROGRAMS:
        if path := shutil.which(name):
            sys.stdout.flush()
            os.execv(path, [path, PROGRAMS[name], str(file)])
    missing = program or " nor ".join(PROGRAMS)
    raise UnusableInput(f"{missing}: not installed; {INSTALL}")

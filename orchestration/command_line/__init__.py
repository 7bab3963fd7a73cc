"""The `factlog` command: options in, one call of the archive or of the orchestration, a report out.

Belongs here: parsing of options and reports of results, one module per group of commands. Not here: anything
that a Dagster asset would do as well; both call the same functions.
"""

from orchestration.command_line.interruption import leaving_at_once

with leaving_at_once():
    from orchestration.command_line.main import main

__all__ = ["main"]

"""`factlog diff`: what differs between two states of the reporting dataset, and which events made it so.

Belongs here: options, colours, the exit code. Not here: comparing (`orchestration.diff.compare`) and the
text of the report (`orchestration.diff.report`).
"""

from datetime import tzinfo
from typing import TYPE_CHECKING

import click
from rich.text import Text

from orchestration.command_line import completion, progress, screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings
from orchestration.names import CURRENT

if TYPE_CHECKING:
    from orchestration.diff.comparison import Comparison

ROWS_OF_ONE, ROWS_OF_EACH = 20, 5
STYLES = {
    "table": "bold",
    "changed": "yellow",
    "removed": "red",
    "added": "green",
    "event": "dim",
    "note": "italic",
}


@click.command()
@click.argument("a", metavar="A", shell_complete=completion.datasets)
@click.argument("b", metavar="[B]", default=CURRENT, shell_complete=completion.datasets)
@click.option(
    "--table",
    metavar="NAME",
    shell_complete=completion.tables,
    help="Compare this table only, such as billing.invoices.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Show so many rows of a table; 0: all.  [default: {ROWS_OF_ONE} with --table, else {ROWS_OF_EACH}]",
)
@click.option("--exit-code", "tells", is_flag=True, help="Leave with 1 where they differ.")
@json_option
def diff(a: str, b: str, table: str | None, limit: int | None, tells: bool, wants_json: bool) -> int:
    """Tell what differs between two states of the reporting dataset, and which events made it so.

    A and B are each the number of a published version, a dataset file that `factlog replay --into` wrote, or
    `current` for what is served now. Rows are told apart by the key of their table: ~ changed, - only in A,
    + only in B. Below each row stand the events that only one side knows. Columns that say when something
    landed (last_sequence) make no difference.

    \b
    Examples:
      factlog diff 3 current
      factlog diff march.duckdb current --table billing.invoices
      factlog diff 3 4 --json
    """
    from orchestration.diff.compare import diff as compare
    from orchestration.diff.report import to_json

    if limit is None:
        limit = ROWS_OF_ONE if table else ROWS_OF_EACH
    settings = read_settings()
    with progress.show_progress("Comparing", None, "tables") as show_compared:
        comparison = compare(
            settings,
            a,
            b,
            table,
            limit or None,
            progress=lambda done, of, at: show_compared(done, at, total=of),
        )
    if wants_json:
        screen.print_json(to_json(comparison))
    else:
        show(comparison, settings.time_zone)
    return DOES_NOT_HOLD if tells and comparison.differs else DONE


def show(comparison: "Comparison", zone: tzinfo) -> None:
    """Print what A and B are, the counts, and then the rows."""
    from orchestration.diff.report import SET_APART, SUMMARY, heading, lines, outcome, summary

    console = screen.console()
    for line in heading(comparison, zone):
        console.print(Text(screen.printable(line)), soft_wrap=True)
    if counts := summary(comparison):
        print()
        screen.print_table(None, SUMMARY, counts)
    if counts and outcome(comparison):
        print()
    for line in outcome(comparison):
        console.print(Text(screen.printable(line)), soft_wrap=True)
    for row in lines(comparison, " (--limit 0 shows all)", zone):
        if row.kind in SET_APART:
            print()
        console.print(Text(screen.printable(row.text), style=STYLES.get(row.kind, "")), soft_wrap=True)

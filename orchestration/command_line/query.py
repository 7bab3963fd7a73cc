"""`factlog query`: SQL over the published reporting dataset, or over the events themselves.

Belongs here: which of the two is asked, and in which form the answer is printed. Not here: how a query is run
and fenced in (`orchestration.publishing.query`).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import UnusableInput
from event_archive.store.folders import EVENTS
from orchestration.command_line.options import contracts_option, read_settings
from orchestration.command_line.world_faults import RESTORE
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.publishing.query import Answer, FencedEngine


@click.command()
@click.argument("sql", metavar="SQL")
@click.option(
    "--archive", "from_archive", is_flag=True, help="Ask the events (views events.*), not the reports."
)
@contracts_option
@click.option("--json", "form", flag_value="json", help="Print a JSON array of objects.")
@click.option("--csv", "form", flag_value="csv", help="Print comma separated values.")
def query(sql: str, from_archive: bool, contracts: Path | None, form: str | None) -> None:
    """Ask the published reporting dataset in SQL (DuckDB's), read-only.

    With --archive, ask the archive: one view events.<object>_<verb> per event type with what stands of it,
    events.<object>_<verb>__all with every event as it came, and events.all_events over all of these. Times
    are UTC, but that a table shows them in the project's zone. SQL may be - to read it from standard input.

    \b
    Examples:
      factlog query "SHOW ALL TABLES"
      factlog query "FROM billing.invoices LIMIT 10" --csv > invoices.csv
      factlog query --archive "SELECT verb, count(*) FROM events.all_events GROUP BY verb"
    """
    from orchestration.command_line import answers
    from orchestration.publishing.query import query as ask_published

    if sql == "-":
        sql = sys.stdin.buffer.read().decode(errors="surrogateescape")
    if contracts and not from_archive:
        raise click.UsageError(
            "--contracts goes with --archive: the reporting dataset has tables, not contracts"
        )
    settings = read_settings(contracts)
    answer = ask_archive(settings, sql) if from_archive else ask_published(settings, sql)
    if form == "json":
        answers.print_json(answer)
    elif form == "csv":
        answers.print_csv(answer)
    else:
        answers.print_table(answer)


def ask_archive(settings: Settings, sql: str) -> "Answer":
    """Run SQL over the views of the archive, in memory."""
    from orchestration.publishing.query import ask

    try:
        return ask(open_archive_engine(settings), sql)
    except UnusableInput as error:
        # Who asks for a view does not know of its files.
        if str(settings.archive_root / EVENTS) in str(error):
            raise UnusableInput(f"{error}; {RESTORE}") from None
        raise


@contextmanager
def open_archive_engine(settings: Settings) -> "Iterator[FencedEngine]":
    """Open a fenced engine with the views of the archive, that may read the archive's folder."""
    from event_archive import create_views
    from orchestration.publishing.query import open_fenced_engine

    archive = settings.open_archive()
    with open_fenced_engine(settings) as engine:
        create_views(engine.connection, archive)
        engine.connection.execute(
            "SET allowed_directories = [$folder]", {"folder": str(settings.archive_root)}
        )
        yield engine

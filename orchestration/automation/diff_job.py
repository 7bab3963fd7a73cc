"""The job `diff_datasets`: what differs between two states of the dataset, from the Dagster UI.

Belongs here: the form that it is started with, and the page that it reports. Not here: comparing
(`diff.compare`), and the words (`diff.report`). The command line does the same: `factlog diff`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

import dagster as dg

from event_archive import UnusableInput
from orchestration.automation.replay_job import FOLDER
from orchestration.dataset.versions import require_served_version, versions
from orchestration.diff.compare import diff
from orchestration.diff.comparison import Comparison
from orchestration.diff.report import SIGNS, SUMMARY, heading, lines, outcome, summary
from orchestration.names import CURRENT, DIFF_JOB
from orchestration.settings import Settings

ROWS_SHOWN = 20
PREVIOUS = "previous"
# The UI shows a page of this size at once; the command line shows whatever there is.
LONGEST_PAGE = 60_000
DESCRIPTION = """Tell what differs between two states of the reporting dataset, and which events made it so.

`a` and `b`: the number of a published version, `current` for what is served, `previous` for the version
before it, or a dataset file; one that is not absolute lies in the folder of replays, where `replay_into_file`
puts it. `table`: only this one, such as `billing.invoices`, or all. `limit`: so many rows of a table. The
report is the output's metadata."""


class DiffForm(dg.Config):
    """Which two states to compare, and how much of it to show."""

    a: str = PREVIOUS
    b: str = CURRENT
    table: str = ""
    limit: int = ROWS_SHOWN


def diff_job(settings: Settings) -> dg.JobDefinition:
    """Make the job."""

    @dg.op(name="compare_datasets", description=DESCRIPTION)
    def compare_datasets(context: dg.OpExecutionContext, config: DiffForm) -> None:
        try:
            sides = read_side(settings, config.a), read_side(settings, config.b)
            if config.limit < 1:
                raise UnusableInput(f"limit {config.limit}: show at least one row of a table")
            comparison = diff(settings, *sides, config.table or None, config.limit)
        except (UnusableInput, OSError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        context.add_output_metadata(to_metadata(comparison, settings.time_zone))

    @dg.job(name=DIFF_JOB, description=DESCRIPTION)
    def diff_datasets() -> None:
        compare_datasets()

    return diff_datasets


def read_side(settings: Settings, named: str) -> str:
    """Return the state that is meant: what names no version may name a file among the replays."""
    named = named.strip()
    if named == PREVIOUS:
        served = require_served_version(settings).number
        older = [version.number for version in versions(settings) if version.number < served]
        return str(max(older, default=served))
    replay = settings.home / FOLDER / named
    return named if named == CURRENT or named.isdigit() or not replay.is_file() else str(replay)


def to_metadata(comparison: Comparison, zone: tzinfo) -> dict[str, dg.MetadataValue]:
    """The metadata of a comparison."""
    tables = [table.differences for table in comparison.tables]
    return {
        "differs": dg.MetadataValue.bool(comparison.differs),
        "changed": dg.MetadataValue.int(sum(table.changed for table in tables)),
        "removed": dg.MetadataValue.int(sum(table.removed for table in tables)),
        "added": dg.MetadataValue.int(sum(table.added for table in tables)),
        "report": dg.MetadataValue.md(page(comparison, zone)),
    }


def page(comparison: Comparison, zone: tzinfo) -> str:
    """The report in Markdown: the counts as a table, the rows as a terminal shows them."""
    counts = [cells(row) for row in summary(comparison)]
    if counts:
        counts = [cells(SUMMARY), cells(["---"] * len(SUMMARY)), *counts]
    rows = [("\n" if line.kind in SIGNS else "") + line.text for line in lines(comparison, zone=zone)]
    shown = list(lines_that_fit(rows))
    top = [*fenced(heading(comparison, zone)), "", *counts, "", *outcome(comparison), ""]
    more = ["", f"… and {len(rows) - len(shown):,} more lines: ask for one table, or for fewer rows"]
    return "\n".join([*top, *(fenced(shown) if shown else []), *(more if len(shown) < len(rows) else [])])


def lines_that_fit(every: Iterable[str]) -> Iterator[str]:
    """The first lines, as many as a page can take."""
    length = 0
    for line in every:
        length += len(line) + 1
        if length > LONGEST_PAGE:
            return
        yield line


def fenced(shown: Iterable[str]) -> list[str]:
    """Lines as they are: what rows hold is no Markdown."""
    return ["````text", *(line.replace("````", "''''") for line in shown), "````"]


def cells(row: Sequence[object]) -> str:
    """One row of a Markdown table."""
    return f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in row)} |"

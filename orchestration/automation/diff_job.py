"""The job `diff_datasets`: what differs between two states of the dataset, from the Dagster UI.

Belongs here: the form that it is started with, and the page that it reports. Not here: comparing (`diffing`),
and the words (`diff_report`). The command line does the same: `factlog diff`.
"""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from event_archive.errors import UnusableInput
from orchestration.automation.replay_job import FOLDER
from orchestration.diff.compare import CURRENT, Comparison, diff
from orchestration.diff.report import SIGNS, SUMMARY, heading, lines, outcome, summary
from orchestration.names import DIFF_JOB
from orchestration.settings import Settings

ROWS_SHOWN = 20
# The UI shows a page of this size at once; the command line shows whatever there is.
LONGEST_PAGE = 60_000
DESCRIPTION = """Tell what differs between two states of the reporting dataset, and which events made it so.

`a` and `b`: the number of a published version, `current` for what is served, or a dataset file; one that is
not absolute lies in the folder of replays, where `replay_into_file` puts it. `table`: only this one, such as
`billing.invoices`. `limit`: so many rows of a table. The report is the output's metadata."""


class DiffForm(dg.Config):
    """Which two states to compare, and how much of it to show."""

    a: str
    b: str = CURRENT
    table: str | None = None
    limit: int = ROWS_SHOWN


def diff_job(settings: Settings) -> dg.JobDefinition:
    """Make the job."""

    @dg.op(name="compare_datasets", description=DESCRIPTION)
    def compare_datasets(context: dg.OpExecutionContext, config: DiffForm) -> None:
        sides = state(settings, config.a), state(settings, config.b)
        try:
            if config.limit < 1:
                raise UnusableInput(f"limit {config.limit}: show at least one row of a table")
            comparison = diff(settings, *sides, config.table or None, config.limit)
        except (UnusableInput, OSError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        context.add_output_metadata(described(comparison))

    @dg.job(name=DIFF_JOB, description=DESCRIPTION)
    def diff_datasets() -> None:
        compare_datasets()

    return diff_datasets


def state(settings: Settings, asked: str) -> str:
    """Read which state is meant: what names no version may name a file among the replays."""
    asked = asked.strip()
    replay = settings.home / FOLDER / asked
    return asked if asked == CURRENT or asked.isdigit() or not replay.is_file() else str(replay)


def described(comparison: Comparison) -> dict[str, dg.MetadataValue]:
    """Word a comparison as metadata."""
    found = [table.differences for table in comparison.tables]
    return {
        "differs": dg.MetadataValue.bool(comparison.differs),
        "changed": dg.MetadataValue.int(sum(one.changed for one in found)),
        "removed": dg.MetadataValue.int(sum(one.removed for one in found)),
        "added": dg.MetadataValue.int(sum(one.added for one in found)),
        "report": dg.MetadataValue.md(page(comparison)),
    }


def page(comparison: Comparison) -> str:
    """Write the report in Markdown: the counts as a table, the rows as they stand on a terminal."""
    counts = [cells(row) for row in summary(comparison)]
    if counts:
        counts = [cells(SUMMARY), cells(["---"] * len(SUMMARY)), *counts]
    told = [("\n" if line.kind in SIGNS else "") + line.text for line in lines(comparison)]
    shown = list(fitting(told))
    said = [*fenced(heading(comparison)), "", *counts, "", *outcome(comparison), ""]
    more = ["", f"… and {len(told) - len(shown):,} more lines: ask for one table, or for fewer rows"]
    return "\n".join([*said, *(fenced(shown) if shown else []), *(more if len(shown) < len(told) else [])])


def fitting(told: Iterable[str]) -> Iterator[str]:
    """Give lines as long as a page can take them."""
    length = 0
    for line in told:
        length += len(line) + 1
        if length > LONGEST_PAGE:
            return
        yield line


def fenced(told: Iterable[str]) -> list[str]:
    """Write lines as they are: what rows hold is no Markdown."""
    return ["````text", *(line.replace("````", "''''") for line in told), "````"]


def cells(row: Sequence[object]) -> str:
    """Write one row of a Markdown table."""
    return f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in row)} |"

"""`factlog replay --into` and `factlog replay --verify`: deriving from nothing, beside what is served.

Belongs here: what these options of `factlog replay` ask for, and reports. Not here: the command itself
(`replay`), and deriving or comparing (`orchestration.replay`).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import UnusableInput
from event_archive.wording import agree, format_count
from orchestration.command_line import screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.setting_values import moment
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.replay.into_file import ReplayedDataset
    from orchestration.replay.verify import UnequalTable, Verification


@dataclass(frozen=True)
class Beside:
    """What is asked for beside what is served: a file over two cuts, or a verification."""

    as_of: str | None
    known_at: str | None
    into: Path | None
    is_verification: bool

    @property
    def is_asked(self) -> bool:
        """Whether any of these options was given."""
        return bool(self.is_verification or self.into or self.cuts)

    @property
    def cuts(self) -> list[str]:
        """The names of the options for cuts that were given."""
        given = {"--as-of": self.as_of, "--known-at": self.known_at}
        return [name for name, value in given.items() if value is not None]


def beside_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of replays that leave alone what is served."""
    options = [
        click.option(
            "--as-of", metavar="TIME", help="Only events that had occurred before; goes with --into."
        ),
        click.option(
            "--known-at",
            metavar="TIME|SEQUENCE",
            help="Only what had landed before a time, or up to and with a commit; goes with --into.",
        ),
        click.option(
            "--into",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Derive everything from nothing into a new dataset file; what is served stays.",
        ),
        click.option(
            "--verify",
            "is_verification",
            is_flag=True,
            help="Derive what is served again from nothing, and compare: exit code 1 if it differs.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def check_together(beside: Beside, days: list[str]) -> None:
    """Raise UnusableInput where options don't go together.

    `days` names the options for a replay in place that were given.
    """
    if beside.is_verification and (days or beside.cuts or beside.into):
        raise UnusableInput(
            "--verify goes alone: it derives what is served, over its own cut of the log, and compares"
        )
    if days:
        raise UnusableInput(
            f"{'/'.join(days)} derive days again in what is served, --into derives everything into a file of "
            "its own: give one or the other"
        )
    if not beside.is_verification and not beside.into:
        raise UnusableInput(
            f"{' and '.join(beside.cuts)}: name the file to derive into, such as --into before.duckdb"
        )


def replay_beside(settings: Settings, beside: Beside, *, wants_json: bool) -> int:
    """Derive into a file, or verify; the exit code."""
    from orchestration.command_line.derive.refresh import show_building
    from orchestration.replay.into_file import read_known_at, replay_into

    if beside.into is None:
        return verify(settings, wants_json=wants_json)
    before = None if beside.as_of is None else moment(beside.as_of, "--as-of ")
    known = None if beside.known_at is None else read_known_at(beside.known_at)
    with show_building("Deriving from nothing", "writing the file") as on_node:
        done = replay_into(
            settings, beside.into, as_of=before, known_at=known, log=screen.print_note, on_node=on_node
        )
    if wants_json:
        screen.print_json(to_json(done))
    else:
        screen.print_lines(*format_replayed(done))
    return DONE


def to_json(done: "ReplayedDataset") -> dict[str, object]:
    """The JSON report of a replay into a file."""
    return {**asdict(done), "file": str(done.file), "rows": done.rows, "seconds": round(done.seconds, 1)}


def format_replayed(done: "ReplayedDataset") -> list[str]:
    """Two lines on what was derived."""
    before = f", of what had occurred before {screen.format_time(done.as_of)}" if done.as_of else ""
    tables, rows = format_count(len(done.tables), "table"), format_count(done.rows, "row")
    return [
        f"{tables}, {rows}, up to commit {done.sequence}{before}, in {done.seconds:.0f} s.",
        f"Analysts open {screen.format_path(done.file)}",
    ]


def verify(settings: Settings, *, wants_json: bool) -> int:
    """Derive what is served again from nothing, and print where it comes out differently; the exit code."""
    from orchestration.command_line.derive.refresh import show_building
    from orchestration.replay.verify import verify_replay

    with show_building("Deriving from nothing", "comparing") as on_node:
        verified = verify_replay(settings, log=screen.print_note, on_node=on_node)
    if wants_json:
        seconds = round(verified.seconds, 1)
        screen.print_json({**asdict(verified), "same": verified.holds, "seconds": seconds})
    elif verified.holds:
        tables = format_count(len(verified.tables), "table")
        screen.print_lines(
            f"{tables}, {format_count(verified.rows, 'row')}: the same as in version "
            f"{verified.version}, derived from nothing up to commit {verified.sequence}, in "
            f"{verified.seconds:.0f} s."
        )
    else:
        print_differences(verified)
    return DONE if verified.holds else DOES_NOT_HOLD


def print_differences(verified: "Verification") -> None:
    """Print the tables and days that differ, and why that may be."""
    columns = ["table", "day", f"only in version {verified.version}", "only in the replay", ""]
    screen.print_table(
        None, columns, [row for table in verified.differences for row in difference_rows(table)]
    )
    screen.print_lines(*(f"Likely reason: {screen.printable(reason)}" for reason in verified.reasons))
    differing, tables = len(verified.differences), format_count(len(verified.tables), "table")
    are = agree(differing, "is", "are")
    screen.print_note(
        f"{differing} of {tables} {are} not what the log gives up to commit {verified.sequence}."
    )


def difference_rows(table: "UnequalTable") -> list[tuple[object, ...]]:
    """The rows of a table that differs: one per day, or one for all of it."""
    if not table.days:
        return [(table.table, "", None, None, table.detail)]
    without = "no day" if table.day_column else "all"
    return [
        (table.table, day.day or without, day.only_published, day.only_replayed, table.detail)
        for day in table.days
    ]

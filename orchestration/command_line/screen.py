"""What reaches the screen: tables and JSON on standard output, notes on standard error.

Belongs here: layout that every command shares. Not here: the content of reports (each command has
its own), and bars (`progress`).
"""

import dataclasses
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from orchestration import shown_times
from orchestration.command_line.tables import TableColumn, lay_out

PIPED_WIDTH = 110
MARGIN = 10
TIME_ZONE: ContextVar[tzinfo] = ContextVar("TIME_ZONE", default=UTC)
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Screen(Console):
    """A console that leaves a closed pipe to the entry point, where it is silent."""

    def on_broken_pipe(self) -> NoReturn:
        """Hand the closed pipe on."""
        raise BrokenPipeError


def console() -> Screen:
    """The console of standard output; off a terminal, and with NO_COLOR, it is plain text."""
    styled = Screen(file=sys.stdout, width=width(), highlight=False)
    if not styled.no_color:
        return styled
    return Screen(file=sys.stdout, width=width(), highlight=False, color_system=None)


def width() -> int:
    """The number of columns of the screen."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


def has_width() -> bool:
    """Whether the screen has a width: a pipe has none, unless COLUMNS names one."""
    return shutil.get_terminal_size((0, 0)).columns > 0


def print_note(*lines: str) -> None:
    """Print lines for the user beside the results, on standard error."""
    for line in lines:
        print(line, file=sys.stderr)


def print_lines(*lines: str) -> None:
    """Print lines of a report as they are, on standard output."""
    for line in lines:
        print(line, flush=True)


def print_styled(line: str, style: str | None) -> None:
    """Print a line of a report as it is; on a terminal that has colours, in a style."""
    if style is None:
        print_lines(line)
    else:
        console().print(Text(line, style=style), soft_wrap=True)


def print_words(heading: str, words: str, style: str | None = None) -> None:
    """Print words beside a heading, wrapped where the screen ends; no word is broken."""
    wrapped = textwrap.wrap(
        printable(words), max(width() - MARGIN, MARGIN), break_long_words=False, break_on_hyphens=False
    )
    for number, line in enumerate(wrapped):
        print_styled(f"{heading if not number else '':<{MARGIN}}{line}", style)


def printable(text: str) -> str:
    """Escape control characters: what a rejected record holds must not drive somebody's terminal."""
    return UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def format_cell(value: object) -> str:
    """Format a value for a person."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}"
        case datetime():
            return format_time(value)
        case list() | dict() | tuple():
            return printable(json.dumps(value, default=to_json_value, ensure_ascii=False))
    return printable(str(value))


def show_times_in(zone: tzinfo) -> None:
    """Show moments in this zone from now on: the one of the project whose settings were read."""
    TIME_ZONE.set(zone)


def format_time(value: datetime) -> str:
    """Format a moment in the zone of the project."""
    return shown_times.format_time(value, TIME_ZONE.get())


def print_table(
    title: str | None,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    format_value: Callable[[object], str] = format_cell,
    *,
    droppable: Sequence[str] = (),
    may_cut: bool = True,
) -> None:
    """Print a table that wraps its long cells between words; numbers stand to the right.

    `droppable`: what may be left out on a narrow screen, the first first. Without `may_cut` every cell is
    whole. Where even so it is too wide, each row is printed as a record. A pipe has no width of its own:
    there nothing is cut.
    """
    listed = [tuple(row) for row in rows]
    laid_out = [
        TableColumn(
            name,
            [format_value(row[place]) for row in listed],
            is_numeric=any(is_number(row[place]) for row in listed),
        )
        for place, name in enumerate(columns)
    ]
    layout = lay_out(laid_out, width(), may_cut=may_cut and has_width(), droppable=droppable)
    if layout is None and not has_width():
        layout = lay_out(laid_out, sys.maxsize, may_cut=False)
    if title:
        print_styled(title, "bold")
    if layout is None:
        print_records(columns, listed, format_value)
        return
    for line in layout.header[:-1]:
        print_styled(line, "bold")
    print_lines(layout.header[-1], *layout.body)
    if layout.left_out:
        print_note(f"Left out, for want of room: {', '.join(layout.left_out)}")


def fits(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    format_value: Callable[[object], str] = format_cell,
) -> bool:
    """Whether a table is no wider than the screen, so that none of its cells has to wrap."""
    widths = [
        max([len(name), *(len(format_value(row[place])) for row in rows)])
        for place, name in enumerate(columns)
    ]
    return sum(widths) + 3 * len(widths) <= width()


def print_records(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    format_value: Callable[[object], str] = format_cell,
) -> None:
    """Print a record below the other, a field on a line: what is copied from there is whole."""
    margin = max(len(name) for name in columns)
    for number, row in enumerate(rows, start=1):
        print_lines(f"-- {number}")
        fields = zip(columns, row, strict=True)
        print_lines(*(f"{name:<{margin}}  {format_value(value)}".rstrip() for name, value in fields))


def is_number(value: object) -> bool:
    """Whether a value stands to the right in its column."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def to_json_value(value: object) -> object:
    """Convert what JSON has no type for: times as ISO 8601, decimals as their digits."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    match value:
        case datetime():
            return (
                value.astimezone(UTC).isoformat().replace("+00:00", "Z")
                if value.tzinfo
                else value.isoformat()
            )
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case set() | frozenset():
            return sorted(value, key=str)
    return str(value)


def print_json(value: object) -> None:
    """Print a JSON document."""
    print(json.dumps(value, default=to_json_value, indent=2))


def format_path(path: Path) -> str:
    """Format a path the way the user would type it in the current folder."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)

"""What reaches the screen: tables and JSON on standard output, talk and progress on standard error.

Belongs here: layout that every command shares. Not here: what is said (each command words its own report).
"""

import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 110
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Screen(Console):
    """A console that leaves a closed pipe to the entry point, where it is silent."""

    def on_broken_pipe(self) -> NoReturn:
        """Hand the closed pipe on."""
        raise BrokenPipeError


def screen() -> Screen:
    """Give the console of standard output; off a terminal it is plain and of a fixed width."""
    return Screen(file=sys.stdout, width=width(), highlight=False)


def width() -> int:
    """Tell how wide the screen is."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns


def say(*lines: str) -> None:
    """Talk to the user beside the results."""
    for line in lines:
        print(line, file=sys.stderr)


def tell(*lines: str) -> None:
    """Print lines of a report as they are."""
    for line in lines:
        print(line, flush=True)


def printable(text: str) -> str:
    """Spell out control characters: what a refused record holds must not drive somebody's terminal."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def cell(value: object) -> str:
    """Word one value for a person."""
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
            return moment(value)
        case list() | dict() | tuple():
            return printable(json.dumps(value, default=plain, ensure_ascii=False))
    return printable(str(value))


def counted(number: int, thing: str) -> str:
    """Count things."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def moment(value: datetime) -> str:
    """Word a time in UTC, to the second where there is no fraction."""
    in_utc = value.astimezone(UTC) if value.tzinfo else value
    return in_utc.isoformat(sep=" ").removesuffix("+00:00")


def table(
    title: str | None,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    wording: Callable[[object], str] = cell,
) -> None:
    """Print a table that wraps its long cells; numbers stand to the right."""
    kept = [tuple(row) for row in rows]
    drawn = Table(
        title=title and Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for place, name in enumerate(columns):
        numeric = any(is_number(row[place]) for row in kept)
        drawn.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        drawn.add_row(*(Text(wording(value)) for value in row))
    screen().print(drawn)


def is_number(value: object) -> bool:
    """Tell whether a value stands to the right in its column."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def plain(value: object) -> object:
    """Turn what JSON has no word for into what it has: times as ISO 8601, decimals as their digits."""
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


def as_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, default=plain, indent=2))


@contextmanager
def progress(task: str, total: float | None) -> Iterator[Callable[[float, str], None]]:
    """Show a bar while work lasts, on a terminal only; the function given says how far it is."""
    if not sys.stderr.isatty():
        yield lambda reached, about: None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%" if total else ""),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        running = bar.add_task(task, total=total)
        yield lambda reached, about: bar.update(
            running, completed=reached, description=f"{task} {printable(about)[-50:]}".strip()
        )


def here(path: Path) -> str:
    """Word a path the way the user would type it from where they stand."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)

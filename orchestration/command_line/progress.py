"""How far a command is, on standard error: a bar with the rate and the time left, where there can be one.

Belongs here: that bar. Not here: what else reaches the screen (`screen`), and how far something is (each
command knows that of its own work).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from orchestration.command_line.screen import printable

BYTES = "bytes"


class Show(Protocol):
    """Tells how far it is, of how much where that is known only now, and what is at work."""

    def __call__(self, reached: float, about: str = "", *, total: float | None = None) -> None:
        """Show it."""


def has_bar() -> bool:
    """Whether there can be a bar, which moves by control sequences: on a terminal, and without NO_COLOR."""
    return sys.stderr.isatty() and not Console(stderr=True).no_color


@contextmanager
def show_progress(task: str, total: float | None, unit: str) -> Iterator[Show]:
    """Show a bar while work lasts, where there can be one; the function given says how far it is.

    `total`: in `unit`s, a plural such as `files`; None where it is not known, or not yet.
    """
    if not has_bar():
        yield lambda reached, about="", *, total=None: None
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        RateColumn(unit),
        LeftColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[about]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    ) as bar:
        running = bar.add_task(task, total=total, about="")

        def show(reached: float, about: str = "", *, total: float | None = None) -> None:
            bar.update(running, completed=reached, total=total, about=printable(about))

        yield show


class RateColumn(ProgressColumn):
    """How much is done in a second."""

    def __init__(self, unit: str) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._unit = unit

    def render(self, task: Task) -> Text:
        """The rate of the last half minute."""
        return Text(format_rate(task.finished_speed or task.speed, self._unit))


class LeftColumn(ProgressColumn):
    """How long it will still take, at that rate."""

    max_refresh = 0.5

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        """The time left, where it can be told."""
        return Text("" if task.finished else format_left(task.time_remaining))


def format_rate(speed: float | None, unit: str) -> str:
    """So many units in a second; nothing where that is not known."""
    if not speed:
        return ""
    if unit == BYTES:
        return f"{decimal(int(speed))}/s"
    return f"{speed:,.0f} {unit}/s" if speed >= 10 else f"{speed:.1f} {unit}/s"


def format_left(seconds: float | None) -> str:
    """So much time left, in the largest unit that tells it; nothing where that is not known."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s left"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min left"
    return f"{seconds / 3600:.1f} h left"

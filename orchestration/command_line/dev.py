"""`factlog dev`: the Dagster UI of the project, and what happens meanwhile, a line each.

Belongs here: its options, and how a line looks. Not here: Dagster's processes (`orchestration.dev`), and what
there is to tell (`orchestration.dev_news`).
"""

import os
import signal
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.text import Text

from orchestration import dev as processes
from orchestration.command_line import screen
from orchestration.command_line.options import read_settings
from orchestration.settings import Settings

if TYPE_CHECKING:
    import subprocess

    from orchestration.dev_news import News

LOOKS_EVERY = 1.0
STYLES = {"landed": "", "refused": "yellow", "published": "green", "failed": "bold red"}
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


@click.command()
@click.option("--port", default=processes.PORT, show_default=True, help="The port of the UI.")
@click.option("--no-browser", is_flag=True, help="Open no browser; without a screen none is opened anyway.")
def dev(port: str, no_browser: bool) -> None:
    """Run the Dagster UI of the project on this machine, with its daemon, until it is stopped.

    Files that are dropped into the inbox land by themselves, and the dataset is refreshed: what landed, what
    was refused, what was published and what failed is told in a line each. All else that Dagster says is in
    the file that is named first. Ctrl-C ends it, with all of its processes.

    \b
    Example:
      factlog dev --port 3001 --no-browser
    """
    from orchestration.dev_news import newsreader

    settings = read_settings()
    processes.prepare(settings, port)
    screen.print_lines(
        f"UI     {processes.url(port)}, in about 20 seconds; Ctrl-C ends it",
        f"inbox  {settings.inbox}: event files that are dropped there land",
        f"log    {processes.log_file(settings)}",
    )
    with (
        ended_by_signals(),
        newsreader(settings, processes.url(port)) as reader,
        processes.dagster(settings, port) as dagster,
    ):
        try:
            wait(settings, dagster, port, opens_browser=not no_browser and has_screen())
            while True:
                for news in reader.look():
                    tell(settings, news)
                processes.require_running(dagster, settings)
                time.sleep(LOOKS_EVERY)
        except KeyboardInterrupt:
            screen.print_note("Ending Dagster and its runs; a second Ctrl-C kills them.")
    screen.print_note("Ended.")


def wait(settings: Settings, dagster: "subprocess.Popen[bytes]", port: str, *, opens_browser: bool) -> None:
    """Wait until the UI is there, and tell whether it shows the project."""
    from orchestration.dev_news import FAILED, News

    problem = processes.wait_until_it_serves(dagster, settings, port)
    if problem:
        more = "mend it, then Reload definitions in the UI"
        tell(settings, News(FAILED, f"the project does not load: {problem}", more))
    else:
        screen.print_lines(f"{clock(settings)}  ready      {processes.url(port)}")
    if opens_browser:
        webbrowser.open(processes.url(port))


def tell(settings: Settings, news: "News") -> None:
    """Print a line of news, and where there is more to learn or to do."""
    more = f" → {news.more}" if news.more else ""
    line = " ".join(screen.printable(f"{news.text}{more}").split())
    text = Text(f"{clock(settings)}  ").append(f"{news.kind:<9}  {line}", STYLES[news.kind])
    screen.console().print(text, soft_wrap=True)
    sys.stdout.flush()


def clock(settings: Settings) -> str:
    """The time of day in the zone of the project."""
    return f"{datetime.now(settings.time_zone):%H:%M:%S}"


def has_screen() -> bool:
    """Whether a browser would be a window: one that runs in the terminal would take it from us."""
    return sys.stdout.isatty() and (sys.platform == "darwin" or any(os.environ.get(name) for name in SCREENS))


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a terminal that is closed and a service manager end it as Ctrl-C does.

    Ctrl-C as well: a shell starts what runs in its background deaf to it, and Dagster would be so, too.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

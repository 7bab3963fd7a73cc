"""What a shell proposes for an argument, when the user asks by the tab key.

Belongs here: event types, tables and versions by their names. Not here: options and commands (click knows
them), and files (the shell does). Asking changes nothing, and where there is no project nothing is proposed.
"""

from collections.abc import Iterable
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from event_archive import UnusableInput
from orchestration.dataset.versions import served_version, versions
from orchestration.names import CURRENT
from orchestration.setting_values import absolute
from orchestration.settings import Settings
from orchestration.shown_times import format_time

# No project, or a damaged one: a tab key prints no errors.
UNREADABLE = (UnusableInput, OSError)


def event_types(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The event types of the project, or of the folder that --contracts names: one for each file."""
    with suppress(*UNREADABLE):
        named = context.params.get("contracts")
        folder = absolute(named, "--contracts") if named else Settings.from_environment().contracts
        return begin_with(incomplete, sorted(path.stem for path in folder.glob("*.yaml")))
    return []


def tables(_context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The tables of the served version."""
    with suppress(*UNREADABLE):
        version = served_version(Settings.from_environment())
        return begin_with(incomplete, sorted(version.tables) if version else [])
    return []


def version_numbers(_context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The numbers of the published versions, newest first, each with when it was published."""
    with suppress(*UNREADABLE):
        settings = Settings.from_environment()
        published = sorted(versions(settings), key=lambda version: version.number, reverse=True)
        return [
            CompletionItem(
                f"{version.number}",
                help=f"published {format_time(version.published_time, settings.time_zone)}",
            )
            for version in published
            if f"{version.number}".startswith(incomplete)
        ]
    return []


def datasets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What `factlog diff` compares: versions, what is served, and files."""
    known = [
        *version_numbers(context, parameter, incomplete),
        *begin_with(incomplete, [CURRENT]),
    ]
    return known or files(context, parameter, incomplete)


def files(_context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell, which knows files."""
    return [CompletionItem(incomplete, type="file")]


def begin_with(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    """Those names that begin with what is typed."""
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]

"""The entry point: the list of commands, and what becomes of an error.

Belongs here: which module serves which command, exit codes. Not here: what the commands do. Modules are
loaded only when their command is called: `factlog --help` must not wait for Dagster, dbt or Polars.
"""

import importlib
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from event_archive import UnusableInput
from orchestration.command_line.interruption import (
    INTERRUPTED,
    INTERRUPTIONS,
    LINE,
    noting_interruptions,
)
from orchestration.command_line.output import (
    STANDARD_OUTPUT,
    discard_output,
    prepare_streams,
    print_error,
)
from orchestration.command_line.world_faults import is_interruption, world_fault
from orchestration.settings import Settings

DONE, DOES_NOT_HOLD, UNUSABLE_INPUT = 0, 1, 2

COMMANDS: dict[str, tuple[str, str]] = {
    "status": ("status", "Show where things stand, and what to do next."),
    "doctor": ("doctor", "Look at the installation, and say what to mend."),
    "init": ("init", "Make a project of your own, which runs at once."),
    "demo": ("demo", "Walk the whole way once, with the events of a simulated company."),
    "land": ("land", "Land event files in the archive."),
    "inbox": ("land", "Land what lies in the inbox, and clear it."),
    "remap": ("remap", "Apply a wider mapping to what has landed by one."),
    "log": ("archive", "List the commits of the archive."),
    "verify": ("archive", "Check every byte of the archive against its log."),
    "clean": ("archive", "Remove old litter that crashes left in the archive."),
    "contracts": ("contracts.contracts", "List the event types, or show one."),
    "quarantine": ("quarantine", "List the records that were refused, and recover them."),
    "corrections": ("corrections", "List the corrections that wait for what they name."),
    "refresh": ("derive.refresh", "Derive the reporting dataset, check it, publish it."),
    "replay": ("derive.replay", "Derive days again, or the dataset as it was at a moment."),
    "published": ("derive.published", "List the published versions, or serve an older one."),
    "diff": ("derive.diff", "Tell what differs between two states of the dataset, and by which events."),
    "check": ("check", "Name what in the project was written for an older factlog."),
    "dev": ("dev", "Run the Dagster UI of the project, with its daemon."),
    "query": ("query", "Ask the published reporting dataset, or the archive, in SQL."),
    "shell": ("shell", "Open the published dataset in Harlequin or the shell of DuckDB."),
}


class ReaderLeft(Exception):
    """Nobody reads standard output any more (`| head`); click would make an error of it."""


class BrokenOff(Exception):
    """Somebody pressed Ctrl-C; click would print an empty line for it, wherever that goes."""


class LazyGroup(click.Group):
    """A group that knows its commands by name, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"orchestration.command_line.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is typed first; who mistypes one is told the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Propose commands without importing them."""
        return [
            *(
                CompletionItem(name, help=about)
                for name, (_, about) in COMMANDS.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderLeft from None
        except KeyboardInterrupt as error:
            raise BrokenOff from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    subcommand_metavar="COMMAND [ARGS]...",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="factlog", prog_name="factlog")
@click.pass_context
def factlog(context: click.Context) -> int:
    """Events under versioned contracts, an immutable archive, and reporting datasets derived from it.

    A project is the nearest folder upwards that has a factlog.toml (FACTLOG_PROJECT=DIR names another); all
    state lies in its home, var/ (FACTLOG_HOME=DIR moves it). Results go to standard output, talk to standard
    error.
    Exit codes: 0 done, 1 what was checked does not hold, 2 unusable input, 130 interrupted. Without a
    command, in a project, it shows where things stand (`factlog status`).

    \b
    Start with:
      factlog init DIR             a project of your own, with a few events to land
      factlog demo                 the whole way, in a project of the translation company
    """
    if context.invoked_subcommand is not None:
        return DONE
    if "home" in Settings.from_environment().unnamed:
        click.echo("There is no project here: no factlog.toml in this folder or above it.\n")
        click.echo(context.get_help())
        return DONE
    status = factlog.get_command(context, "status")
    assert status is not None
    return int(context.invoke(status, wants_json=False))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    prepare_streams()
    with noting_interruptions():
        code = run(arguments)
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code.

    What the user can mend, and what the world does, is printed in one line; our own faults keep their
    traceback.
    """
    try:
        outcome = factlog.main(args=arguments, prog_name="factlog", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        return exit_code(error)
    return outcome if isinstance(outcome, int) else DONE


def exit_code(error: BaseException) -> int:
    """Print in one line what ended a command; its exit code. Our own faults are raised again."""
    if INTERRUPTIONS.came or isinstance(error, BrokenOff) or is_interruption(error):
        # On a terminal ^C stands in the line already.
        print_error(f"\n{LINE}" if sys.stderr.isatty() else LINE)
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f" (see: {context.command_path} --help)" if context is not None else ""
        return print_unusable(error.format_message().rstrip(".") + hint)
    if isinstance(error, UnusableInput):
        return print_unusable(str(error))
    if isinstance(error, ReaderLeft | BrokenPipeError):
        # That is the reader's right.
        discard_output()
        return DONE
    if (fault := world_fault(error)) is None:
        raise error
    if isinstance(error, OSError) and error.filename == STANDARD_OUTPUT:
        discard_output()
    return print_unusable(fault)


def print_unusable(message: str) -> int:
    """Print on one line of standard error what can't be used; the exit code."""
    print_error("factlog: " + " ".join(message.split()))
    return UNUSABLE_INPUT

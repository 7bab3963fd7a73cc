"""What several commands share: options, the settings, and groups that list by default.

Belongs here: the one place where `--contracts` becomes settings. Not here: the settings themselves.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from event_archive import UnusableInput
from event_archive.schema_files.json_schema_drafts import DRAFT_NAMES
from event_archive.wording import did_you_mean
from orchestration.command_line import completion, screen
from orchestration.setting_values import absolute
from orchestration.settings import Settings


class NamedChoice(click.Choice[str]):
    """One of several names; who mistypes one is told the nearest."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """Name those there are, and the one that was meant."""
        listed = super().get_invalid_choice_message(value, ctx)
        meant = did_you_mean(str(value), map(str, self.choices))
        return f"{listed.rstrip('.')}; {meant}" if meant else listed


contracts_option = click.option(
    "--contracts",
    "contracts",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of contracts to go by.  [default: those of the project, or FACTLOG_CONTRACTS]",
)
clock_option = click.option(
    "--accept-clock",
    "accepts_clock",
    is_flag=True,
    help="This machine's clock is right, although it is before the last commit, or years after it.",
)
draft_option = click.option(
    "--draft",
    type=NamedChoice(list(DRAFT_NAMES)),
    callback=lambda _ctx, _param, name: DRAFT_NAMES.get(name),
    help="The draft of a JSON Schema whose $schema names none; without this, its syntax tells.",
)
anyway_option = click.option(
    "--quarantine-anyway",
    "quarantine_anyway",
    is_flag=True,
    help="Keep also the records of a file without a single event, which is passed over otherwise.",
)
json_option = click.option("--json", "wants_json", is_flag=True, help="Print JSON.")


def version_argument(*, required: bool = False) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """The number of a published version, which the tab key completes."""
    return click.argument(
        "number",
        type=click.IntRange(min=1),
        metavar="VERSION" if required else "[VERSION]",
        required=required,
        shell_complete=completion.version_numbers,
    )


def unknown_type(name: str, known: Iterable[str]) -> UnusableInput:
    """Return the error for an event type that has no contract."""
    meant = did_you_mean(name, known, "see: factlog contracts list")
    return UnusableInput(f"there is no contract {name[:200]}; {meant}")


class ListingGroup(click.Group):
    """A group of commands that lists where none is named: `factlog published --json` lists, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` where it was left out; who asks by the tab key is still to choose."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def read_settings(
    contracts: Path | None = None, *, accepts_clock: bool = False, requires: Sequence[str] = ()
) -> Settings:
    """Read the settings of this installation, with the contracts of a folder where it is named.

    `requires`: the folders that a project, the environment or an option has to name.
    """
    settings = replace(Settings.from_environment(), accepts_clock=accepts_clock)
    screen.show_times_in(settings.time_zone)
    if contracts:
        folder = absolute(contracts, "--contracts")
        settings = replace(settings, contracts=folder, unnamed=settings.unnamed - {"contracts"})
    settings.require(*requires)
    return settings


def read_contracts_folder(contracts: Path | None) -> Path:
    """Return the folder of contracts to go by."""
    return read_settings(contracts, requires=["contracts"]).contracts

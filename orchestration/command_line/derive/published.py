"""`factlog published`: the versions of the reporting dataset, and which of them analysts read.

Belongs here: options and reports. Not here: versions (`orchestration.dataset.versions`) and the switch to one
(`orchestration.publishing.serving`).
"""

import click

from orchestration.command_line import completion, screen
from orchestration.command_line.options import ListingGroup, json_option, read_settings
from orchestration.dataset.version_marks import RELEASE, hold_on
from orchestration.dataset.versions import SERVED, Version, served_version, versions


@click.group(cls=ListingGroup)
def published() -> None:
    """List the published versions of the reporting dataset, or serve an older one.

    \b
    Examples:
      factlog published
      factlog published serve 3
      factlog published serve --newest
    """


@published.command("list", short_help="List the versions.")
@json_option
def list_versions(wants_json: bool) -> None:
    """List the versions: over which commits each was derived, when it was published, what it holds.

    \b
    Example:
      factlog published list --json
    """
    settings = read_settings()
    served, hold = served_version(settings), hold_on(settings)
    known = versions(settings)
    if not known:
        settings.require_archive()
    held = hold.version if hold else None
    if wants_json:
        screen.print_json(
            [to_json(version, version == served, is_held=version.number == held) for version in known]
        )
        return
    if not known:
        screen.print_note("Nothing is published yet. Derive and publish: factlog refresh")
        return
    screen.print_table(
        None,
        ["version", "up to commit", "published at", "tables", "rows", "MB", ""],
        [
            (
                version.number,
                version.sequence,
                version.published_time.replace(microsecond=0),
                len(version.tables),
                sum(state.rows for state in version.tables.values()),
                round(version.bytes / 1e6, 1),
                format_marks(is_served=version == served, is_held=version.number == held),
            )
            for version in known
        ],
        droppable=["MB", "tables"],
    )
    screen.print_note(f"Analysts open {screen.format_path(settings.published / SERVED)}")
    if hold:
        screen.print_note(
            f"Version {hold.version} is held since {screen.format_time(hold.since_time)}; "
            f"to serve the newest: {RELEASE}"
        )


def format_marks(*, is_served: bool, is_held: bool) -> str:
    """Say what there is to say of a version besides its figures."""
    return ", ".join(word for word, holds in (("served", is_served), ("held", is_held)) if holds)


@published.command("serve", short_help="Serve an older version again, or the newest.")
@click.argument(
    "number",
    type=click.IntRange(min=1),
    metavar="[VERSION]",
    required=False,
    shell_complete=completion.version_numbers,
)
@click.option(
    "--newest", is_flag=True, help="Serve the newest version, and each that is published from now on."
)
def serve_version(number: int | None, newest: bool) -> None:
    """Let readers find a version, and hold it there: it stays served, whatever is published meanwhile.

    A refresh builds, checks and writes new versions as always. `--newest` ends that.

    \b
    Examples:
      factlog published serve 3
      factlog published serve --newest
    """
    from orchestration.publishing.serving import hold_version, release_hold

    if newest == (number is not None):
        raise click.UsageError("name the version to hold, or --newest to serve the newest again")
    if number is None:
        version = release_hold(read_settings())
        screen.print_lines(f"Version {version.number}, the newest, is served; so is each that follows.")
    else:
        version = hold_version(read_settings(), number)
        screen.print_lines(f"Version {version.number} is served and held, until: {RELEASE}")


def to_json(version: Version, is_served: bool, *, is_held: bool) -> dict[str, object]:
    """The JSON report of a version."""
    return {**version.fields(), "file": version.file_name, "served": is_served, "held": is_held}

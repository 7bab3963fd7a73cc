"""`factlog published`: the versions of the reporting dataset, and which of them analysts read.

Belongs here: options and reports. Not here: versions (`orchestration.dataset.versions`) and the switch to one
(`orchestration.publishing.serving`).
"""

import click

from orchestration.command_line import screen
from orchestration.command_line.derive.diff import diff
from orchestration.command_line.options import ListingGroup, json_option, read_settings, version_argument
from orchestration.dataset.version_marks import RELEASE, Marks
from orchestration.dataset.versions import (
    SERVED,
    Version,
    version_or_served,
    versions,
)
from orchestration.settings import Settings


@click.group(cls=ListingGroup)
def published() -> None:
    """List the published versions of the reporting dataset, serve an older one, or keep one for good.

    \b
    Examples:
      factlog published
      factlog published serve 3
      factlog published serve --newest
      factlog published pin 3 --note "March, as invoiced"
    """


published.add_command(diff)


@published.command("list", short_help="List the versions.")
@json_option
def list_versions(wants_json: bool) -> None:
    """List the versions: over which commits each was derived, when it was published, what it holds.

    \b
    Example:
      factlog published list --json
    """
    settings = read_settings()
    marks, known = Marks.read(settings), versions(settings)
    if not known:
        settings.require_archive()
    if wants_json:
        screen.print_json([marks.to_json(version) for version in known])
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
                marks.format(version),
            )
            for version in known
        ],
        droppable=["MB", "tables"],
    )
    screen.print_note(f"Analysts open {screen.format_path(settings.published / SERVED)}")
    if hold := marks.hold:
        screen.print_note(
            f"Version {hold.version} is held since {screen.format_time(hold.since_time)}; "
            f"to serve the newest: {RELEASE}"
        )


@published.command("show", short_help="Show one version.")
@version_argument()
@json_option
def show_version(number: int | None, wants_json: bool) -> None:
    """Show a version, the one that is served if none is named: when and of what it was made, its tables.

    \b
    Example:
      factlog published show 3
    """
    settings = read_settings()
    version, marks = version_or_served(settings, number), Marks.read(settings)
    if wants_json:
        screen.print_json(marks.to_json(version))
        return
    said, note = marks.format(version), marks.pins.get(version.number)
    screen.print_lines(
        f"Version {version.number}{f' ({said})' if said else ''}{f': {note}' if note else ''}",
        f"Published {screen.format_time(version.published_time.replace(microsecond=0))}, "
        f"up to commit {version.sequence}, by code {version.code_version}",
        f"File {screen.format_path(settings.published / version.file_name)}",
        "",
    )
    screen.print_table(
        None, ["table", "rows"], [(table, state.rows) for table, state in sorted(version.tables.items())]
    )


@published.command("pin", short_help="Keep a version for good.")
@version_argument(required=True)
@click.option("--note", "said", default="", metavar="TEXT", help="What it is kept for: a month's end, say.")
@json_option
def pin(number: int, said: str, wants_json: bool) -> None:
    """Keep a version for good, whatever `retention` says and `prune` is asked for.

    \b
    Example:
      factlog published pin 3 --note "March, as invoiced"
    """
    from orchestration.publishing.retention import pin_version

    settings = read_settings()
    version = pin_version(settings, number, screen.printable(said))
    report(settings, version, f"Version {version.number} is pinned: nothing removes it.", wants_json)


@published.command("unpin", short_help="Keep a version no longer than others.")
@version_argument(required=True)
@json_option
def unpin(number: int, wants_json: bool) -> None:
    """Keep a version no longer than `retention` keeps others.

    \b
    Example:
      factlog published unpin 3
    """
    from orchestration.publishing.retention import unpin_version

    settings = read_settings()
    version = unpin_version(settings, number)
    report(settings, version, f"Version {version.number} is pinned no longer.", wants_json)


@published.command("prune", short_help="Remove old versions.")
@click.option(
    "--keep",
    metavar="WHICH",
    help="So many versions, or an age: 30, 90d.  [default: setting `retention`]",
)
@click.option("--dry-run", is_flag=True, help="Say which would be removed, and remove none.")
@json_option
def prune(keep: str | None, dry_run: bool, wants_json: bool) -> None:
    """Remove the versions that are kept no longer. Never: what is served, held or pinned, and the last two.

    \b
    Examples:
      factlog published prune --dry-run
      factlog published prune --keep 90d
    """
    from orchestration.publishing.retention import prune as remove_versions
    from orchestration.setting_values import retention

    settings = read_settings()
    kept = retention({"--keep": keep}, "--keep") if keep is not None else settings.retention
    settings.require_archive()
    if kept is None:
        raise click.UsageError("all versions are kept: set `retention` in factlog.toml, or say --keep 90d")
    removed = remove_versions(settings, kept, dry_run=dry_run)
    if wants_json:
        screen.print_json({"removed": removed, "dry_run": dry_run})
        return
    named = ", ".join(map(str, removed))
    words = "Would remove" if dry_run else "Removed"
    screen.print_lines(f"{words} version {named}." if removed else "No version is to be removed.")


@published.command("serve", short_help="Serve an older version again, or the newest.")
@version_argument()
@click.option(
    "--newest", is_flag=True, help="Serve the newest version, and each that is published from now on."
)
@json_option
def serve_version(number: int | None, newest: bool, wants_json: bool) -> None:
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
    settings = read_settings()
    if number is None:
        version = release_hold(settings)
        said = f"Version {version.number}, the newest, is served; so is each that follows."
    else:
        version = hold_version(settings, number)
        said = f"Version {version.number} is served and held, until: {RELEASE}"
    report(settings, version, said, wants_json)


def report(settings: Settings, version: Version, said: str, wants_json: bool) -> None:
    """Say what became of a version: in a line, or as the document that `show` gives."""
    if wants_json:
        screen.print_json(Marks.read(settings).to_json(version))
    else:
        screen.print_lines(said)

"""`factlog refresh`: from the archive to the dataset that analysts open.

Belongs here: options and reports. Not here: building and checking (`orchestration.refresh`), and the
published versions (`published`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from event_archive.wording import format_count
from orchestration.command_line import progress, screen
from orchestration.command_line.main import DOES_NOT_HOLD, DONE
from orchestration.command_line.options import json_option, read_settings
from orchestration.dataset.version_marks import RELEASE

if TYPE_CHECKING:
    from orchestration.dbt.process import NodeFinished, OnNode
    from orchestration.publishing.publish import Publication, PublishingRefused
    from orchestration.refresh import Refreshed

NUMBERS_SHOWN = 10


@click.command()
@click.option(
    "--full", "from_nothing", is_flag=True, help="Derive everything again, not only what has changed."
)
@click.option("--dry-run", is_flag=True, help="Say what would be derived and why, and do nothing.")
@json_option
def refresh(from_nothing: bool, dry_run: bool, wants_json: bool) -> int:
    """Derive the reporting dataset from the archive, check it, and publish it.

    Builds every dbt model over one cut of the log, runs every test and the checks of the archive, and
    switches readers to the new version only if all of them hold; if not, exit code 1 and the old one stays.

    \b
    Examples:
      factlog refresh
      factlog refresh --dry-run
      factlog refresh --full --json
    """
    from orchestration.command_line.derive.plan_report import plan_to_json, print_plan
    from orchestration.planning.estimate import plan_build
    from orchestration.publishing.publish import PublishingRefused
    from orchestration.refresh import refresh as refresh_dataset

    if dry_run:
        planned = plan_build(read_settings(), from_nothing=from_nothing)
        if wants_json:
            screen.print_json(plan_to_json(planned))
        else:
            print_plan(planned)
        return DONE
    try:
        with show_building("Deriving") as on_node:
            done = refresh_dataset(
                read_settings(), from_nothing=from_nothing, log=screen.print_note, on_node=on_node
            )
    except PublishingRefused as refused:
        return print_refusal(refused, wants_json)
    if wants_json:
        version = done.publication.version
        screen.print_json(
            {
                "published": True,
                "version": version.number,
                "is_new": done.publication.is_new,
                "served": done.publication.served.number,
                "held": done.publication.held,
                "removed_versions": done.publication.removed,
                "sequence": done.sequence,
                "models": done.models,
                "tests": done.tests,
                "seconds": round(done.seconds, 1),
                "checks": [asdict(check) for check in done.publication.checks],
            }
        )
    else:
        screen.print_lines(*format_refreshed(done))
        warnings = [check for check in done.publication.checks if not check.passed]
        screen.print_note(*(f"Warning: {check.detail}" for check in warnings))
    return DONE


@contextmanager
def show_building(
    task: str, then: str = "checks, publishing", *, in_lines: bool = False
) -> "Iterator[OnNode]":
    """Show how far dbt is: a bar on a terminal; elsewhere nothing, or a line for each model.

    `then`: what comes after dbt.
    """
    lines = in_lines and not progress.has_bar()
    with progress.show_progress(task, None, "steps") as show:
        show(0, "dbt reads the project")

        def on_node(finished: "NodeFinished") -> None:
            last = finished.index == finished.total
            show(finished.index, then if last else finished.name, total=finished.total)
            if lines and finished.is_model:
                screen.print_note(f"{finished.name} is derived ({finished.index} of {finished.total} steps)")

        yield on_node


def format_refreshed(done: "Refreshed") -> list[str]:
    """A few lines on what a refresh did."""
    version = done.publication.version
    models, tests = format_count(done.models, "model"), format_count(done.tests, "test")
    build = f"{models} built and {tests} passed up to commit {done.sequence}"
    if not done.models:
        build = f"Nothing to build: all is as it was derived up to commit {done.sequence}"
    if not done.publication.is_new:
        return [
            f"{build}, in {done.seconds:.0f} s.",
            f"Nothing has changed: version {version.number} stays published.",
            *format_held(done.publication),
            *format_removed(done.publication),
        ]
    rows = sum(state.rows for state in version.tables.values())
    tables = format_count(len(version.tables), "table")
    return [
        f"{build}, in {done.seconds:.0f} s.",
        f"Published version {version.number}: {tables}, {format_count(rows, 'row')}.",
        *format_held(done.publication),
        *format_removed(done.publication),
    ]


def format_held(publication: "Publication") -> list[str]:
    """A line on the version that is held, if one is: that is the one that analysts read."""
    if publication.held is None:
        return []
    return [f"Analysts read version {publication.held}, which is held; to serve the newest: {RELEASE}"]


def format_removed(publication: "Publication") -> list[str]:
    """A line on the versions that are kept no longer, where there are any."""
    numbers = publication.removed
    if not numbers:
        return []
    named = ", ".join(map(str, numbers[:NUMBERS_SHOWN])) + (" …" if len(numbers) > NUMBERS_SHOWN else "")
    return [f"Removed {format_count(len(numbers), 'old version')}, as `retention` says: {named}"]


def print_refusal(refused: "PublishingRefused", wants_json: bool) -> int:
    """Print which checks kept the dataset from being published; the exit code."""
    if wants_json:
        screen.print_json({"published": False, "failed": [asdict(check) for check in refused.failed]})
    else:
        causes = [check for check in refused.failed if check.detail != "skipped"]
        screen.print_lines(*(screen.printable(f"{check.name}: {check.detail}") for check in causes))
        if len(causes) < len(refused.failed):
            screen.print_lines(
                f"… and {len(refused.failed) - len(causes)} that could not run because of these"
            )
    screen.print_note(
        f"Not published: {len(refused.failed)} blocking check(s) do not hold. What was published stays."
    )
    return DOES_NOT_HOLD

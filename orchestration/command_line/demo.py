"""`factlog demo`: the whole way once, on the events of a simulated company, and what it led to.

Belongs here: the order of the steps, and what is printed of each. Not here: the
steps themselves, which are those of the other commands, and the simulation (`examples.company`).
"""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from event_archive import Archive, UnusableInput
from event_archive.decoding.sources import find_sources
from event_archive.registry.contract import Contracts, load_contracts
from event_archive.store.commit import Counts
from event_archive.wording import format_count
from examples.company.simulation import Emitted, emit
from orchestration.command_line import screen
from orchestration.command_line.demo_reports import REPORTS
from orchestration.command_line.derive.refresh import format_refreshed, print_refusal, show_building
from orchestration.command_line.landing_report import counts_in_order, report
from orchestration.command_line.main import DONE
from orchestration.command_line.options import clock_option, read_settings
from orchestration.settings import Settings

if TYPE_CHECKING:
    from event_archive import Landed

SIMULATED = "translation.requested.v1"
NEXT = (
    "  factlog quarantine show                        a record that was refused, and why",
    '  factlog query "FROM billing.invoices LIMIT 5"  the published dataset, in SQL',
    "  factlog dev                                    all of it in the Dagster UI",
)


@click.command()
@click.option(
    "--scale",
    type=click.FloatRange(min=0.01, max=10),
    default=1.0,
    show_default=True,
    help="Share of the usual size.",
)
@clock_option
def demo(scale: float, accepts_clock: bool) -> int:
    """Walk the whole way once, with the events of a simulated company.

    A translation company of three services emits 90 days of event files, with faults as they happen: late,
    repeated, out of order, malformed. They are landed, every model is built and checked, the reporting
    dataset is published, and five reports are printed. Running it again changes nothing.

    \b
    Example:
      factlog demo
    """
    from event_archive import Landed
    from orchestration.command_line.land import land_all
    from orchestration.publishing.publish import PublishingRefused
    from orchestration.publishing.query import query
    from orchestration.refresh import refresh

    started = time.monotonic()
    settings = read_settings(accepts_clock=accepts_clock, requires=["home", "contracts"])
    require_company(load_contracts(settings.contracts), settings)
    archive = settings.open_archive(may_create=True)
    emitted = emit(folder_of(settings, scale), scale=scale)
    screen.print_lines(*format_emitted(emitted), "")
    outcomes = land_all(archive, find_sources([screen.format_path(path) for path in emitted.files]), settings)
    landed = [outcome for outcome in outcomes if isinstance(outcome, Landed)]
    if len(landed) < len(outcomes):
        return report(outcomes, wants_json=False)
    print_landed(landed)
    print_rejected(archive)
    try:
        with show_building("Deriving") as on_node:
            done = refresh(settings, log=screen.print_note, on_node=on_node)
    except PublishingRefused as refused:
        return print_refusal(refused, wants_json=False)
    screen.print_lines(*format_refreshed(done), "")
    for shown in REPORTS:
        answer = query(settings, shown.sql)
        screen.print_table(shown.title, answer.columns, answer.rows)
        screen.print_lines("")
    if not any(landing.commit for landing in landed) and not done.publication.is_new:
        screen.print_lines("This was landed, derived and published before: nothing has changed.")
    screen.print_lines(f"All this took {time.monotonic() - started:.0f} s. Try next:", *NEXT)
    return DONE


def require_company(contracts: Contracts, settings: Settings) -> None:
    """Raise UnusableInput in a project that is not of the simulated company: it would refuse every event."""
    if SIMULATED not in contracts:
        raise UnusableInput(
            f"{settings.contracts}: the demo is of the translation company, and this project is another; "
            "land your own events, or make a project of it with: factlog init DIR --example translations"
        )


def folder_of(settings: Settings, scale: float) -> Path:
    """Choose the folder of the event files; two companies in one archive would contradict each other."""
    folder = settings.home / f"demo-{scale:g}"
    others = [other for other in settings.home.glob("demo-*") if other != folder]
    if others:
        raise UnusableInput(
            f"{others[0]}: the demo of another scale has run here; set another FACTLOG_HOME for this one"
        )
    return folder


def format_emitted(emitted: Emitted) -> list[str]:
    """Two lines on what the company emitted."""
    truth = emitted.truth
    written = f"{format_count(len(emitted.files), 'event file')} ({emitted.size_bytes / 1e6:.1f} MB)"
    return [
        f"A translation company at work from {truth.first_day} to {truth.last_day}: {written},",
        f"{format_count(len(truth.events), 'event type')}; in {screen.format_path(emitted.folder)}.",
    ]


def print_landed(landed: "list[Landed]") -> None:
    """Print what came in, and that nothing was lost."""
    # A file that is there twice, or that landed in an earlier run, stands for the same commit.
    commits = {commit.sequence: commit for landing in landed if (commit := landing.commit or landing.earlier)}
    total = sum((commit.counts for commit in commits.values()), Counts())
    screen.print_table(
        "What came in",
        ["files", "landed before", "received", "= accepted", "+ duplicate", "+ rejected"],
        [(len(landed), sum(landing.earlier is not None for landing in landed), *counts_in_order(total))],
    )
    screen.print_lines("")


def print_rejected(archive: Archive) -> None:
    """Print how many records were rejected, by reason."""
    from event_archive.landing.quarantine_file import count_rejections

    reasons: Counter[str] = Counter()
    for reason, _, records in count_rejections(archive):
        reasons[reason] += records
    if reasons:
        screen.print_table("What was refused, and why", ["reason", "records"], reasons.most_common())
        screen.print_lines("")

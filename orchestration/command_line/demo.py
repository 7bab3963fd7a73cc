"""`factlog demo`: the whole way once, on the events of a simulated company, and what it led to.

Belongs here: the order of the steps, the reports of the example company, and the wording. Not here: the
steps themselves, which are those of the other commands, and the simulation (`examples.company`).
"""

import time
from collections import Counter
from pathlib import Path

import click

from event_archive.archive import Archive
from event_archive.decoding.sources import find_sources
from event_archive.errors import UnusableInput
from event_archive.landing.land import Landed
from event_archive.landing.quarantine_file import refusal_counts
from event_archive.store.commit import Counts
from examples.company.simulation import Emitted, emit
from orchestration.command_line import screen
from orchestration.command_line.demo_reports import REPORTS
from orchestration.command_line.derive.refresh import derived, refuse
from orchestration.command_line.land import counted, land_all
from orchestration.command_line.main import DONE
from orchestration.command_line.options import read_settings
from orchestration.publishing.publish import PublishingRefused
from orchestration.publishing.query import query
from orchestration.refresh import refresh
from orchestration.settings import Settings

NEXT = (
    "  .venv/bin/factlog quarantine show                        a record that was refused, and why",
    '  .venv/bin/factlog query "FROM billing.invoices LIMIT 5"  the published dataset, in SQL',
    "  make dev                                                 all of it in the Dagster UI",
)


@click.command()
@click.option(
    "--scale",
    type=click.FloatRange(min=0.01, max=10),
    default=1.0,
    show_default=True,
    help="Share of the usual size.",
)
def demo(scale: float) -> int:
    """Walk the whole way once, with the events of a simulated company.

    A translation company of three services emits 90 days of event files, with faults as they happen: late,
    repeated, out of order, malformed. They are landed, every model is built and checked, the reporting
    dataset is published, and five reports are printed. Running it again changes nothing.

    \b
    Example:
      factlog demo
    """
    started = time.monotonic()
    settings = read_settings()
    archive = settings.open_archive()
    emitted = emit(folder_of(settings, scale), scale=scale)
    screen.tell(*introduced(emitted), "")
    landed = land_all(archive, find_sources([screen.here(path) for path in emitted.files]), settings)
    report_landed(landed)
    report_refused(archive)
    try:
        with screen.progress("Deriving, checking, publishing", None):
            done = refresh(settings, log=screen.say)
    except PublishingRefused as rejected:
        return refuse(rejected, wants_json=False)
    screen.tell(*derived(done), "")
    for report in REPORTS:
        answer = query(settings, report.sql)
        screen.table(report.title, answer.columns, answer.rows)
        screen.tell("")
    if not any(one.commit for one in landed) and not done.publication.is_new:
        screen.tell("This was landed, derived and published before: nothing has changed.")
    screen.tell(f"All this took {time.monotonic() - started:.0f} s. Try next:", *NEXT)
    return DONE


def folder_of(settings: Settings, scale: float) -> Path:
    """Choose the folder of the event files; two companies in one archive would contradict each other."""
    folder = settings.home / f"demo-{scale:g}"
    others = [other for other in settings.home.glob("demo-*") if other != folder]
    if others:
        raise UnusableInput(
            f"{others[0]}: the demo of another scale has run here; set another FACTLOG_HOME for this one"
        )
    return folder


def introduced(emitted: Emitted) -> list[str]:
    """Say what the company emitted."""
    truth = emitted.truth
    written = f"{len(emitted.files):,} event files ({emitted.size_bytes / 1e6:.1f} MB)"
    return [
        f"A translation company at work from {truth.first_day} to {truth.last_day}: {written},",
        f"{len(truth.events)} event types; in {screen.here(emitted.folder)}.",
    ]


def report_landed(landed: list[Landed]) -> None:
    """Say what came in, and that nothing was lost."""
    # A file that is there twice, or that landed in an earlier run, stands for the same commit.
    stands = {commit.sequence: commit for one in landed if (commit := one.commit or one.earlier)}
    total = sum((commit.counts for commit in stands.values()), Counts())
    screen.table(
        "What came in",
        ["files", "landed before", "received", "= accepted", "+ duplicate", "+ rejected"],
        [(len(landed), sum(one.earlier is not None for one in landed), *counted(total))],
    )
    screen.tell("")


def report_refused(archive: Archive) -> None:
    """Say what was refused, and why."""
    reasons: Counter[str] = Counter()
    for reason, _, records in refusal_counts(archive):
        reasons[reason] += records
    screen.table("What was refused, and why", ["reason", "records"], reasons.most_common())
    screen.tell("")

"""A backfill through the real daemon that is killed in the middle: nothing is missing afterwards, or double.

The models are those of the example company: facts that outlive a refresh, so what a killed replay has left
undone would stay so.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from event_archive import Source, land
from orchestration.dataset.versions import served_version
from orchestration.refresh import refresh
from orchestration.settings import Settings
from orchestration.warehouse.requests import Days, pending
from support.daemon import Dev, dagster_dev, tail

EVENTS = Path(__file__).parent / "models" / "events.ndjson"
DAYS = [date(2026, 1, day).isoformat() for day in range(1, 32)]
FACTS = ("billing/usage", "billing/invoices", "billing/invoice_lines", "analytics/translations")
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
WITHIN = 180.0
DAMAGE = """
DELETE FROM billing.usage WHERE delivered_date < DATE '2026-01-26';
UPDATE billing.usage SET price_minor = price_minor + 1 WHERE delivered_date < DATE '2026-02-01';
UPDATE analytics.translations SET word_count = word_count + 1 WHERE requested_date < DATE '2026-02-01';
DELETE FROM billing.invoice_lines WHERE issued_date < DATE '2026-02-01';
"""


def wait_until(dev: Dev, what: str, holds: Callable[[], bool], every: float = 0.5) -> None:
    """Wait until something holds; fails with the daemon's log."""
    deadline = time.monotonic() + WITHIN
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {WITHIN:.0f} s:\n{tail(dev.log)}")
        time.sleep(every)


def test_a_backfill_that_is_killed_is_completed_by_the_next_refresh(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", first_day=date(2026, 1, 1))
    settings.open_archive(may_create=True)
    lines = EVENTS.read_bytes().splitlines(keepends=True)
    for name, part in (("odd", lines[1::2]), ("even", lines[::2])):
        path = settings.home / f"{name}.ndjson"
        path.write_bytes(b"".join(part))
        land(settings.open_archive(), Source(path.name, path), limits=settings.limits)
    with dagster_dev(settings) as dev:
        wait_until(dev, "the first version", lambda: served_version(settings) is not None)
        wait_until(dev, "quiet", lambda: all(run["status"] in ENDED for run in dev.runs()))
        served = tables(settings)
        with duckdb.connect(settings.warehouse) as connection:
            connection.execute(DAMAGE)

        log = settings.dbt_target / "dbt.log"
        read = log.stat().st_size
        backfill = dev.launch_backfill(FACTS, DAYS)
        wait_until(dev, "one fact", lambda: facts_derived(log, read) > 0, every=0.02)
        dev.kill_dbt_and_its_run()
        done = facts_derived(log, read)
        assert 0 < done < len(FACTS), f"killed after {done} facts"
        assert pending(settings) == [Days(date(2026, 1, 1), date(2026, 2, 1))]

        refresh(settings)
        assert tables(settings) == served == tables(from_nothing(settings, tmp_path / "again"))

        # Dagster finds out that the run is dead and tries it once more: that changes nothing.
        wait_until(dev, "the backfill", lambda: dev.backfill_status(backfill) != "REQUESTED")
        wait_until(dev, "quiet", lambda: all(run["status"] in ENDED for run in dev.runs()))
        statuses = [run["status"] for run in dev.runs_of(backfill)]
    assert pending(settings) == []
    refresh(settings)
    assert tables(settings) == served
    assert statuses == ["SUCCESS", "FAILURE"]


def facts_derived(log: Path, read: int) -> int:
    """Count the facts that dbt has derived since so many bytes of its log."""
    return log.read_bytes()[read:].count(b"OK created sql fact model")


def tables(settings: Settings) -> dict[str, str]:
    """The digest of each published table."""
    version = served_version(settings)
    assert version is not None
    return {table: state.digest for table, state in version.tables.items()}


def from_nothing(settings: Settings, home: Path) -> Settings:
    """Build everything from a copy of the archive."""
    again = replace(settings, home=home)
    shutil.copytree(settings.archive_root, again.archive_root)
    refresh(again)
    return again

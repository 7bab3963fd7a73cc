"""The real daemon: what is dropped is published within a minute; a range of days is one run."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from event_archive import UnusableInput
from orchestration.publishing.query import query
from orchestration.settings import Settings
from support.daemon import Dev, dagster_dev, tail
from support.forked_dbt import LINUX, server_of_home
from support.held_dbt import has_built
from support.installation import drop, land_events, new_installation, note, temporary_folder

PUBLISHED_WITHIN = 60.0
BACKFILLED_WITHIN = 120.0
DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]


def published_notes(settings: Settings) -> int:
    """Count the notes that analysts see."""
    try:
        rows = query(settings, "SELECT count(*) FROM writing.notes").rows
    except UnusableInput:
        return 0
    return int(rows[0][0])


def wait_for_notes(settings: Settings, dev: Dev, expected: int) -> float:
    """Wait until analysts see so many notes, and tell how long that took."""
    started = time.monotonic()
    while published_notes(settings) != expected:
        waited = time.monotonic() - started
        if waited > PUBLISHED_WITHIN:
            pytest.fail(f"{expected} notes were not published within {waited:.0f} s:\n{tail(dev.log)}")
        time.sleep(0.25)
    return time.monotonic() - started


def wait_until_told(dev: Dev, said: str) -> str:
    """Wait until `factlog dev` has told something, and give all that it has."""
    started = time.monotonic()
    while said not in (told := dev.told.read_text()):
        assert time.monotonic() - started < PUBLISHED_WITHIN, told
        time.sleep(0.25)
    return told


def wait_for_backfill(dev: Dev, backfill: str) -> list[dict[str, Any]]:
    """Wait until a backfill has ended, and give the runs that came of it."""
    started = time.monotonic()
    while dev.backfill_status(backfill) == "REQUESTED":
        if time.monotonic() - started > BACKFILLED_WITHIN:
            pytest.fail(f"the backfill did not end:\n{tail(dev.log)}")
        time.sleep(0.5)
    return dev.runs_of(backfill)


@pytest.fixture(scope="module")
def first() -> Iterator[tuple[Settings, Dev, float]]:
    """A daemon that has published what was dropped first, and how long that took: starting one is dear."""
    settings = new_installation(temporary_folder())
    with dagster_dev(settings) as dev:
        drop(settings, "first.ndjson", [note(number, f"2026-01-0{1 + number % 3}") for number in range(10)])
        yield settings, dev, wait_for_notes(settings, dev, 10)
    assert dev.told.read_text().endswith("Ended.\n"), "it ends cleanly, with all of its processes"


def test_a_dropped_file_is_published_within_a_minute(first: tuple[Settings, Dev, float]) -> None:
    settings, dev, took = first
    if sys.platform == LINUX:  # looked at here: a day that is new loads the definitions again, and ends it
        server = int((server_of_home(settings) / "lock").read_text())
        assert has_built(server), "dbt is forked from a process that stays"
    # A second one, with a late event: what follows a version is as quick as the first.
    drop(settings, "second.ndjson", [note(10, "2026-01-01"), note(11, "2026-01-05")])
    second = wait_for_notes(settings, dev, 12)
    # And one that landed without Dagster.
    land_events(settings, [note(12)], "by-command.ndjson")
    third = wait_for_notes(settings, dev, 13)
    runs = dev.runs()
    print(f"published after {took:.1f} s, {second:.1f} s and {third:.1f} s")
    assert {run["status"] for run in runs} <= {"SUCCESS", "STARTED", "QUEUED", "STARTING"}, runs
    assert not list(settings.inbox.iterdir())
    told = wait_until_told(dev, "published  version 3, up to commit 3")
    for said in (
        f"UI     {dev.url}",
        "landed     first.ndjson: 10 events, commit 1",
        "published  version 1, up to commit 1",
        "landed     second.ndjson: 2 events, commit 2",
        "published  version 2, up to commit 2; changed: writing.notebooks, writing.notes",
        "landed     by-command.ndjson: 1 event, commit 3",
    ):
        assert said in told, told
    assert "DEBUG" not in told
    assert dev.log.exists()


def test_a_range_of_days_is_one_run(first: tuple[Settings, Dev, float]) -> None:
    _, dev, _ = first
    # Materialized as the UI does, both at once: Dagster looks at backfills every half minute.
    asked_for = [
        dev.launch_backfill(assets, DAYS)
        for assets in (["events/note/written", "events/note/read"], ["writing/notes"])
    ]
    [verified], [replayed] = (wait_for_backfill(dev, backfill) for backfill in asked_for)
    assert (verified["status"], replayed["status"]) == ("SUCCESS", "SUCCESS")

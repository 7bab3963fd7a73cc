"""The real daemon: a file dropped into the inbox is published within a minute, with no further hand."""

import time
from pathlib import Path

import pytest
from daemon import Dev, dagster_dev, tail
from installation import drop, land_events, new_installation, note

from event_archive.errors import UnusableInput
from orchestration.querying import query
from orchestration.settings import Settings

PUBLISHED_WITHIN = 60.0


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


def test_a_dropped_file_is_published_within_a_minute(tmp_path: Path) -> None:
    settings = new_installation(tmp_path)
    with dagster_dev(settings) as dev:
        drop(settings, "first.ndjson", [note(number) for number in range(10)])
        first = wait_for_notes(settings, dev, 10)
        # A second one, with a late event: what follows a version is as quick as the first.
        drop(settings, "second.ndjson", [note(10, "2026-01-01"), note(11, "2026-01-05")])
        second = wait_for_notes(settings, dev, 12)
        # And one that landed without Dagster.
        land_events(settings, [note(12)], "by-command.ndjson")
        third = wait_for_notes(settings, dev, 13)
        runs = dev.ask("{ runsOrError { ... on Runs { results { jobName status } } } }")["runsOrError"][
            "results"
        ]
    print(f"published after {first:.1f} s, {second:.1f} s and {third:.1f} s")
    assert {run["status"] for run in runs} <= {"SUCCESS", "STARTED", "QUEUED", "STARTING"}, runs
    assert not list(settings.inbox.iterdir())

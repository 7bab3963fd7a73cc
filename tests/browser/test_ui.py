"""The Dagster UI in a headless Chromium: what a data engineer sees after events have landed.

Where the browser is: CHROMIUM, or `chromium` on the path, or the one that Playwright has downloaded. Pictures
are kept where SCREENSHOTS names a folder.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from orchestration.dataset.versions import served_version
from support.daemon import Dev, dagster_dev, tail
from support.installation import drop, new_installation, note, temporary_folder

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
RUNS = "{ runsOrError { ... on Runs { results { id jobName status } } } }"


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    """An installation that has landed and published two files, one of them with a late event."""
    settings = new_installation(temporary_folder())
    drop(settings, "first.ndjson", [note(number, f"2026-01-0{1 + number % 4}") for number in range(12)])
    with dagster_dev(settings) as dev:
        deadline = time.monotonic() + 120
        while served_version(settings) is None or unfinished(dev):
            assert time.monotonic() < deadline, f"nothing was published:\n{tail(dev.log)}"
            time.sleep(0.5)
        yield dev


def unfinished(dev: Dev) -> bool:
    """Tell whether a run is under way or went wrong."""
    return any(run["status"] != "SUCCESS" for run in runs(dev))


def runs(dev: Dev) -> list[dict[str, str]]:
    """List the runs."""
    listed: list[dict[str, str]] = dev.ask(RUNS)["runsOrError"]["results"]
    return listed


@pytest.fixture(scope="module")
def page(dev: Dev) -> Iterator[Page]:
    """A browser page that reaches nothing but this machine."""
    named = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=named, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.route(re.compile(rf"^https?://(?!{re.escape(dev.url.removeprefix('http://'))})"), refuse)
        yield page
        browser.close()


ASKED_OUTSIDE: list[str] = []


def refuse(route) -> None:  # type: ignore[no-untyped-def]
    """Refuse and note a request to any other machine."""
    ASKED_OUTSIDE.append(route.request.url)
    route.abort()


def visit(page: Page, dev: Dev, path: str, *texts: str) -> None:
    """Open a page and wait until it shows these texts."""
    page.goto(dev.url + path)
    for text in texts:
        expect(page.get_by_text(text, exact=True).first).to_be_visible()


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_graph_leads_from_the_log_to_the_published_dataset(page: Page, dev: Dev) -> None:
    visit(
        page,
        dev,
        "/asset-groups",
        "archive",
        "events_editing",
        "events_reading",
        "staging",
        "marts_writing",
        "marts_reading",
        "published",
    )
    picture(page, "graph")


def test_an_event_type_tells_its_contract(page: Page, dev: Dev) -> None:
    visit(page, dev, "/assets/events/note/written?view=overview", "Somebody wrote a note.", "editing")
    expect(page.get_by_text("data.words", exact=True)).to_be_visible()
    expect(page.get_by_text("How long the note is.", exact=True)).to_be_visible()
    picture(page, "event")


def test_the_days_of_an_event_type_show_what_landed(page: Page, dev: Dev) -> None:
    visit(page, dev, "/assets/events/note/written?view=partitions", "Materialized (4)", "Failed (0)")
    page.goto(dev.url + "/assets/events/note/written?view=partitions&partition=2026-01-02")
    for text in ("dagster/partition_row_count", "late_rows", "rows_landed", "digest"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_text("Unsynced")).to_have_count(0)
    picture(page, "partitions")


def test_a_daily_model_shows_the_days_it_was_derived_for(page: Page, dev: Dev) -> None:
    visit(page, dev, "/assets/writing/notes?view=partitions", "Materialized (4)")
    picture(page, "model")


def test_the_published_dataset_shows_its_checks(page: Page, dev: Dev) -> None:
    visit(
        page,
        dev,
        "/assets/published/reporting?view=checks",
        "archive_chain",
        "conservation",
        "no_correction_waits",
        "models_tested",
    )
    expect(page.get_by_text("Passed", exact=True).first).to_be_visible()
    picture(page, "checks")


def test_a_run_tells_what_it_landed(page: Page, dev: Dev) -> None:
    landing = next(run["id"] for run in runs(dev) if run["jobName"] == "land")
    visit(page, dev, f"/runs/{landing}", "Success", "archive__log")
    expect(
        page.get_by_text("first.ndjson: 12 received = 12 accepted + 0 duplicate + 0 rejected")
    ).to_be_visible()
    picture(page, "run")


def test_what_runs_by_itself_is_switched_on(page: Page, dev: Dev) -> None:
    visit(page, dev, "/automation", "inbox", "new_commits", "hourly_refresh", "nightly_verification")
    switches = page.locator("input[type=checkbox]:checked")
    expect(switches).to_have_count(4)
    picture(page, "automation")


def test_the_ui_asked_no_other_machine(page: Page) -> None:
    assert ASKED_OUTSIDE == []

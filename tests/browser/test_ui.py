"""The Dagster UI in a headless Chromium: what a data engineer sees after events have landed.

Pictures are kept where SCREENSHOTS names a folder.
"""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from orchestration.dataset.versions import served_version
from orchestration.publishing.query import query
from support.browser import Browser, open_browser
from support.daemon import Dev, dagster_dev, tail
from support.installation import drop, new_installation, note, temporary_folder

WITHIN_SECONDS = 120
RUNS = "{ runsOrError { ... on Runs { results { id jobName status } } } }"
SETTINGS = new_installation(temporary_folder())
FORMS = ("refresh", "replay_days", "replay_into_file", "diff_datasets", "nightly_verification")


@pytest.fixture(scope="module")
def dev() -> Iterator[Dev]:
    """An installation that has landed and published two files, one of them with a late event."""
    drop(SETTINGS, "first.ndjson", [note(number, f"2026-01-0{1 + number % 4}") for number in range(12)])
    with dagster_dev(SETTINGS) as dev:
        wait_until_published(dev, 1)
        yield dev


def wait_until_published(dev: Dev, version: int) -> None:
    """Wait until a version is served and no run is under way; fails where one went wrong."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while (served := served_version(SETTINGS)) is None or served.number < version or unfinished(dev):
        assert time.monotonic() < deadline, f"nothing was published:\n{tail(dev.log)}"
        time.sleep(0.5)


def unfinished(dev: Dev) -> bool:
    """Whether a run is under way or went wrong."""
    return any(run["status"] != "SUCCESS" for run in runs(dev))


def runs(dev: Dev) -> list[dict[str, str]]:
    """List the runs."""
    listed: list[dict[str, str]] = dev.ask(RUNS)["runsOrError"]["results"]
    return listed


@pytest.fixture(scope="module")
def browser(dev: Dev) -> Iterator[Browser]:
    """A browser page that reaches nothing but this machine."""
    with open_browser(dev.url) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Page:
    """The page."""
    return browser.page


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_graph_reads_as_the_way_from_landing_to_publishing(browser: Browser, page: Page) -> None:
    groups = ("1_landing", "2_events", "3_staging", "5_reports", "6_publishing")
    browser.visit("/asset-groups", *groups)
    picture(page, "graph")


def test_an_event_type_tells_its_contract_and_shows_a_picture(browser: Browser, page: Page) -> None:
    browser.visit("/assets/events/note/written?view=overview", "Somebody wrote a note.", "editing", "inbox")
    expect(page.get_by_text("data.words", exact=True)).to_be_visible()
    expect(page.get_by_text("How long the note is.", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("note.written.v1.yaml in editor"))).to_be_visible()
    drawn = page.get_by_role("img", name=re.compile("events per day"))
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.complete && image.naturalWidth > 100")
    picture(page, "event")


def test_the_days_of_an_event_type_are_all_there(browser: Browser, page: Page) -> None:
    """The definitions were loaded before anything had landed: they have been loaded again."""
    browser.visit(
        "/assets/events/note/written?view=partitions", "Materialized (4)", "Failed (0)", "Missing (0)"
    )
    browser.visit("/assets/events/note/read?view=partitions", "Materialized (4)", "Missing (0)")
    page.goto(browser.url + "/assets/events/note/written?view=partitions&partition=2026-01-02")
    for text in ("dagster/partition_row_count", "late_rows", "rows_landed", "bytes_landed", "digest"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_text("Unsynced")).to_have_count(0)
    picture(page, "partitions")


def test_the_checks_of_an_event_type_hold(browser: Browser, page: Page) -> None:
    browser.visit("/assets/events/note/written?view=checks", "freshness", "refused_share", "volume")
    expect(page.get_by_text("Passed", exact=True).first).to_be_visible()
    expect(page.get_by_text("Failed", exact=True)).to_have_count(0)
    picture(page, "event_checks")


def test_a_model_shows_its_days_its_rows_and_where_its_columns_come_from(
    browser: Browser, page: Page
) -> None:
    browser.visit("/assets/writing/notes?view=partitions", "Materialized (4)", "Missing (0)")
    browser.visit("/assets/writing/notes?view=overview", "Row count", "12", "preview", "new_commits")
    expect(page.get_by_role("link", name=re.compile("notes.sql in editor"))).to_be_visible()
    for of_dbt in ("invocation_id", "unique_id"):
        expect(page.get_by_text(of_dbt, exact=True)).to_have_count(0)
    expect(page.get_by_text("note.written: words", exact=True)).to_be_visible()
    expect(page.get_by_text("note.written: object_id", exact=True)).to_be_visible()
    picture(page, "model")


def test_a_test_of_dbt_says_what_it_asks(browser: Browser, page: Page) -> None:
    browser.visit("/assets/writing/notebooks?view=checks", "No two rows have the same notebook.")
    picture(page, "model_checks")


def test_the_published_dataset_shows_its_checks(browser: Browser, page: Page) -> None:
    browser.visit(
        "/assets/published/reporting?view=checks",
        "archive_chain",
        "conservation",
        "no_correction_waits",
        "models_tested",
    )
    expect(page.get_by_text("Passed", exact=True).first).to_be_visible()
    picture(page, "checks")


def test_a_run_tells_what_it_landed(browser: Browser, page: Page, dev: Dev) -> None:
    landing = next(run["id"] for run in runs(dev) if run["jobName"] == "land")
    browser.visit(f"/runs/{landing}", "Success", "archive__log")
    picture(page, "run")
    browser.visit("/assets/archive/log?view=checks", "nothing_refused")
    page.get_by_text("nothing_refused", exact=True).first.click()
    expect(page.get_by_text("12 of 12 records were taken").first).to_be_visible()
    picture(page, "landing")


def test_what_runs_by_itself_is_switched_on(browser: Browser, page: Page) -> None:
    browser.visit("/automation", "inbox", "new_commits", "hourly_refresh", "nightly_verification")
    switches = page.locator("input[type=checkbox]:checked")
    expect(switches).to_have_count(4)
    picture(page, "automation")


@pytest.mark.parametrize("job", FORMS)
def test_a_form_is_free_of_red(browser: Browser, page: Page, job: str) -> None:
    browser.visit(f"/locations/factlog/jobs/{job}/playground", "Launch Run", "No errors")
    expect(page.get_by_placeholder("Partition")).to_have_count(0)
    expect(page.get_by_role("button", name="Launch Run")).to_be_enabled()
    picture(page, f"form_{job}")


def test_a_launched_replay_ends_green(browser: Browser, page: Page, dev: Dev) -> None:
    before = len(runs(dev))
    browser.visit("/locations/factlog/jobs/replay_days/playground", "No errors")
    page.get_by_role("button", name="Launch Run").click()
    deadline = time.monotonic() + WITHIN_SECONDS
    while len(runs(dev)) == before or unfinished(dev):
        assert time.monotonic() < deadline, tail(dev.log)
        time.sleep(0.5)
    newest = runs(dev)[0]
    browser.visit(f"/runs/{newest['id']}", "Success")
    assert newest["jobName"] == "replay_days"
    picture(page, "launched")


def test_a_dropped_file_ends_up_in_a_report(browser: Browser, page: Page, dev: Dev) -> None:
    wrong = note(99) | {"type": "note.burnt.v1"}
    drop(SETTINGS, "second.ndjson", [note(20, "2026-01-06"), wrong])
    wait_until_published(dev, 2)
    assert query(SETTINGS, "SELECT count(*) FROM writing.notes").rows == [(13,)]
    browser.visit("/assets/writing/notes?view=overview", "Row count", "13")
    browser.visit("/assets/archive/log?view=checks", "nothing_refused", "Failed")
    page.get_by_text("nothing_refused", exact=True).first.click()
    expect(page.get_by_text("1 was refused: look at it by").first).to_be_visible()
    picture(page, "refused")
    days = page.get_by_text("Missing (0)")
    deadline = time.monotonic() + WITHIN_SECONDS
    while not days.count():  # the definitions are loaded again, for the two days that are new
        assert time.monotonic() < deadline, tail(dev.log)
        browser.visit("/assets/events/note/read?view=partitions", "2026-01-06")
    expect(page.get_by_text("Materialized (6)")).to_be_visible()


def test_the_ui_asked_no_other_machine(browser: Browser) -> None:
    assert browser.asked_outside == []

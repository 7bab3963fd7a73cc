"""The pictures of README and docs, taken from the real product: `make pictures`.

Belongs here: which pages, and the size of their pictures. Not here: tests (`test_ui`), and the browser
(`support.browser`). Somebody has to look at each before it is committed.
"""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import expect

from orchestration.settings import PROJECT, Settings
from support.browser import open_browser
from support.daemon import Dev, dagster_dev
from support.installation import temporary_folder

PICTURES = PROJECT / "docs" / "pictures"
PAGES = {
    "lineage": ("/assets/billing/invoices?view=lineage", "6_publishing"),
    "event": ("/assets/events/translation/delivered?view=overview", "Description"),
    "mart": ("/assets/billing/invoices?view=overview", "Row count"),
}
SETTLES_MS, WITHIN_SECONDS, MOST_BYTES = 4_000, 600, 150_000


def main() -> None:
    """Run the demo in a home of its own, and take the pictures once Dagster has heard of all of it."""
    home = temporary_folder()
    environment = {**os.environ, "FACTLOG_HOME": str(home)}
    subprocess.run(
        [Path(sys.executable).with_name("factlog"), "demo"], env=environment, check=True, cwd=PROJECT
    )
    PICTURES.mkdir(exist_ok=True)
    with dagster_dev(replace(Settings.from_environment(), home=home)) as dev:
        wait(dev)
        with open_browser(dev.url, width=1280, height=720) as browser:
            for name, (path, text) in PAGES.items():
                browser.visit(path, text)
                expect(browser.page.get_by_text("Loading")).to_have_count(0)
                browser.page.wait_for_timeout(SETTLES_MS)
                file = PICTURES / f"{name}.png"
                browser.page.screenshot(path=file)
                assert file.stat().st_size < MOST_BYTES, f"{file}: {file.stat().st_size:,} bytes"
                print(f"{file}: {file.stat().st_size:,} bytes; look at it")


def wait(dev: Dev) -> None:
    """Wait until the landing is reported and the refresh after it has published."""
    deadline = time.monotonic() + WITHIN_SECONDS
    while {run["jobName"] for run in dev.runs() if run["status"] == "SUCCESS"} < {"land", "refresh"}:
        assert time.monotonic() < deadline, dev.runs()
        time.sleep(1)


if __name__ == "__main__":
    main()

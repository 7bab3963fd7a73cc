"""A headless Chromium that looks at the Dagster UI, and reaches no other machine.

Belongs here: opening it, and what is done with a page. Not here: what is expected of one (`browser`), and the
server that it looks at (`daemon`).

Where the browser is: CHROMIUM, or `chromium` on the path, or the one that Playwright has downloaded.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Page, Route, expect, sync_playwright

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
PATIENCE_MS = 30_000


@dataclass
class Browser:
    """A page, the address of the server, and what the page asked of other machines."""

    page: Page
    url: str
    asked_outside: list[str] = field(default_factory=list)

    def visit(self, path: str, *texts: str) -> None:
        """Open a page and wait until it shows these texts."""
        self.page.goto(self.url + path)
        for text in texts:
            expect(self.page.get_by_text(text, exact=True).first).to_be_visible()

    def refuse(self, route: Route) -> None:
        """Refuse and note a request to any other machine."""
        self.asked_outside.append(route.request.url)
        route.abort()


@contextmanager
def open_browser(url: str, *, width: int = 1600, height: int = 1000) -> Iterator[Browser]:
    """Open a page of this size that reaches nothing but one server."""
    named = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=named, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        browser = Browser(page, url)
        page.route(re.compile(rf"^https?://(?!{re.escape(url.removeprefix('http://'))})"), browser.refuse)
        yield browser
        chromium.close()

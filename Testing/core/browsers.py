"""A real Chromium for the tests of the pages, without network."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from patience import PATIENCE_S

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator:
    """A browser of this machine; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(NAMES)}); install the package chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"] if as_root else [])
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page with what its console said and what it asked of the network.

    said : every warning, error and exception; asked : addresses of everything that was loaded, without the files
    """

    def __init__(self, browser, path, *, width=1440, height=900) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(1000 * PATIENCE_S)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("body[data-ready=yes]")

    def wait_until(self, condition) -> None:
        """Let the page go on until something is so."""
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, "it did not happen"
            self.page.wait_for_timeout(50)

    def _note(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.asked.append(url)

"""A real browser, without a screen: Debian's Chromium, which CI installs."""

import contextlib
import shutil

from support.lacking import lacking

CHROMIUM = shutil.which("chromium")
WIDTHS = {"phone": (390, 844), "laptop": (1366, 768), "projector": (1920, 1080)}


@contextlib.contextmanager
def open_page(width="laptop", scheme="light"):
    """Give an empty page; ``problems`` are its complaints, and ``requests`` what it asks for."""
    if not CHROMIUM:
        lacking("Chromium", "chromium")
    from playwright.sync_api import sync_playwright

    across, down = WIDTHS[width]
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": across, "height": down}, color_scheme=scheme)
        page.problems, page.requests = [], []
        page.on(
            "console",
            lambda said: page.problems.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        yield page
        browser.close()

"""The pictures of docs/: of a real sweep, cut three times by SIGKILL, as a browser shows it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.browser import open_page
from support.command import command, logged
from sweep import Sweep

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
SPACE = "digits_mlp"
OPTIONS = ["--trials", 24, "--pruner", "median", "--workers", 2, "--save-freq", 200]
CUTS_AFTER_ROWS = (25, 60, 110)


def train(root):
    """Run the sweep, kill it three times, and run it to its end."""
    whole = command(["run", SPACE, "--root", root, *OPTIONS])
    for rows in CUTS_AFTER_ROWS:
        process = subprocess.Popen(
            whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while not logged(rows)(root):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(whole, check=True, stdout=sys.stderr)


def photograph(root):
    """Take the pictures."""
    swept = Sweep(SPACE, root)
    for language, end in (("en", ""), ("fr", ".fr")):
        page = swept.report(language)
        (FOLDER / f"curves{end}.png").write_bytes((page.parent / "courbes.png").read_bytes())
        for scheme in ("light", "dark"):
            with open_page("laptop", scheme) as browser:
                browser.set_viewport_size(
                    {"width": 1366, "height": 930}
                )  # to the end of the first figure
                browser.goto(page.as_uri())
                browser.locator("[data-figure=chronologie] svg.main-svg").first.wait_for()
                browser.screenshot(path=FOLDER / f"report-{scheme}{end}.png")
    with swept.dashboard(port=0) as served, open_page() as browser:
        browser.goto(served.url)
        browser.get_by_text("Best Trial").wait_for()
        browser.wait_for_timeout(2000)  # its figures move into their places
        browser.screenshot(path=FOLDER / "dashboard.png", full_page=True)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / SPACE
        train(root)
        photograph(root)
    sys.stdout.write(f"{FOLDER}\n")

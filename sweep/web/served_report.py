"""The report of a running sweep, as a page that is served here and refreshes itself."""

import functools
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import jinja2
from plotly.offline import get_plotlyjs

from sweep.errors import SweepError
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.web.page import SCRIPT, Content, render_page
from sweep.web.report import content_of, picture_of
from sweep.web.texts import Texts

LOOK_EVERY_S = 2.0
LOOKING_SHARE = 0.1  # of the time
STAMP = "stamp"
HTML, PNG = "text/html; charset=utf-8", "image/png"
NOTHING_YET = """<!doctype html><html lang="en"><meta http-equiv="refresh" content="3">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<title>{{ space }}</title>
<body style="font: 16px/1.5 system-ui, sans-serif; margin: 2rem"><h1>{{ space }}</h1>
<p>{{ why }}</p></body></html>"""

Answer = tuple[str, bytes]  # the type of a file, and its content


class ReportApp:
    """A WSGI application that serves the report, made anew when the folders have changed.

    Args:
        space: the name of the search space.
        reader: of the root.
        texts: of the page.
        done: called after each folder of the first look.
    """

    def __init__(
        self,
        space: str,
        reader: SnapshotReader,
        texts: Texts,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self._space, self._reader, self._texts = space, reader, texts
        self._lock = threading.Lock()
        self._stamp = ""
        self._files: dict[str, Callable[[], Answer]] = {}
        self._next_look_at = 0.0
        self._look(done)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            if time.monotonic() > self._next_look_at:
                self._look()
            file = self._files.get(environ.get("PATH_INFO", "").removeprefix("/"))
            kind, content = file() if file else ("text/plain", b"there is no such file")
        headers = [("Content-Type", kind), ("Content-Length", str(len(content)))]
        start("200 OK" if file else "404 Not Found", headers)
        return [content] if environ["REQUEST_METHOD"] == "GET" else []

    def _look(self, done: Callable[[], None] = lambda: None) -> None:
        begun = time.monotonic()
        snapshot = self._reader.look(done)
        stamp = snapshot.stamp()
        if stamp != self._stamp:
            try:
                self._files = _files_of(content_of(self._space, snapshot, self._texts), stamp)
            except SweepError as error:  # nothing is trained yet
                self._files = {"": functools.partial(_nothing_yet, self._space, str(error))}
        self._stamp, ended = stamp, time.monotonic()
        self._next_look_at = ended + max(LOOK_EVERY_S, (ended - begun) / LOOKING_SHARE)


def _files_of(content: Content, stamp: str) -> dict[str, Callable[[], Answer]]:
    """Return the files of the page by their names; each is made once somebody asks for it."""
    pictures = {section.png: section.png for section in content.sections}

    def page() -> Answer:
        return HTML, render_page(content, pictures, above="/experiences/", stamp=stamp).encode()

    def picture(place: int) -> Answer:
        return PNG, picture_of(content.sections[place], content.texts)

    files: dict[str, Callable[[], Answer]] = {
        "": functools.cache(page),
        SCRIPT: lambda: ("text/javascript", get_plotlyjs().encode()),
        STAMP: lambda: ("application/json", json.dumps(stamp).encode()),
    }
    for place, section in enumerate(content.sections):
        if section.has_data:
            files[section.png] = functools.cache(functools.partial(picture, place))
    return files


def _nothing_yet(space: str, why: str) -> Answer:
    template = jinja2.Environment(autoescape=True).from_string(NOTHING_YET)
    return HTML, template.render(space=space, why=why).encode()

"""What may be asked of the dashboard, and by whom: it knows no users."""

import html
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experience.folder import Experience
from sweep.experience.record import ID
from sweep.system import plain_files

HOST = "127.0.0.1"
READS = ("GET", "HEAD")
OF_EXPERIENCE = re.compile(rf"/experiences/({ID})/([a-z.]*)")
TYPES = {".csv": "text/csv", ".json": "application/json", ".keras": "application/octet-stream"}

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AccessControl:
    """Lets through what may be asked for, and serves the folders that the notes link to.

    The dashboard knows no users. So only what names this machine is answered, for a page of somebody else's may have its
    own name lead here; and unless changes are allowed, only what reads.

    Args:
        app: the dashboard.
        root: of the sweep.
        allow_changes: lets all methods through, but for files: those of a trial are the files of its folder.
    """

    def __init__(self, app: App, root: Path, allow_changes: bool) -> None:
        self._app, self._root, self._allow_changes = app, root, allow_changes

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        reads = environ["REQUEST_METHOD"] in READS
        if not _is_of_this_machine(environ, reads):
            return _refuse(start, f"only http://{HOST} is served here")
        if not reads and not self._allow_changes:
            return _refuse(
                start,
                "this dashboard is read-only: sweep dashboard --allow-changes serves the study itself",
            )
        if not reads and path.startswith("/api/artifacts"):
            return _refuse(start, "the files of a trial are those of its folder: put yours there")
        of_experience = OF_EXPERIENCE.fullmatch(path)
        if of_experience and reads:
            return _serve_folder(
                Experience(self._root / of_experience[1]), of_experience[2], environ, start
            )
        try:
            return self._app(environ, start)
        except (SweepError, OSError) as error:
            return _refuse(start, str(error), "503 Service Unavailable")


def _is_of_this_machine(environ: dict[str, Any], reads: bool) -> bool:
    """Tell whether the request names this machine, and where it writes, comes from a page of it.

    Colab's own proxy, which only its user reaches, names itself.
    """
    host = environ.get("HTTP_HOST", "")
    is_named = re.fullmatch(rf"({re.escape(HOST)}|localhost)(:\d+)?", host) is not None
    is_of_a_page_of_ours = environ.get("HTTP_ORIGIN", f"http://{host}") == f"http://{host}"
    return "COLAB_RELEASE_TAG" in os.environ or (is_named and (reads or is_of_a_page_of_ours))


def _refuse(
    start: Callable[..., Any], reason: str, status: str = "403 Forbidden"
) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]


def _serve_folder(
    experience: Experience, name: str, environ: dict[str, Any], start: Callable[..., Any]
) -> Iterable[bytes]:
    """Serve one of the files of an experience, by its name, or the list of them."""
    there = (experience.record, experience.log, experience.meilleur)
    files = {path.name: path for path in there if plain_files.is_file(path)}
    if name in files:
        file = plain_files.reading(files[name])
        size = os.fstat(file.fileno()).st_size
        start(
            "200 OK", [("Content-Type", TYPES[files[name].suffix]), ("Content-Length", str(size))]
        )
        if environ["REQUEST_METHOD"] == "GET":
            wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)  # which closes it
            return wrapped
        file.close()
        return []
    if name or not files:
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there is no such file"]
    links = "".join(f'<li><a href="{one}">{one}</a>' for one in files)
    start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [
        f"<!doctype html><title>{experience.id}</title><h1>{html.escape(str(experience.path))}</h1><ul>{links}".encode()
    ]

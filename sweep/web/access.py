"""Access control of the dashboard: what may be requested, and from where."""

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
READING_METHODS = ("GET", "HEAD")
EXPERIENCE_PATH = re.compile(rf"/experiences/({ID})/([a-z.]*)")
READ_ONLY = "this page is read-only: sweep dashboard --allow-changes serves the study itself"
FOLDER_PAGE = """<!doctype html><html lang="en"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width"><title>{id}</title>
<body style="font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem; overflow-wrap: anywhere">
<h1>{id}</h1><p>{path}</p><ul>{links}</ul></body></html>"""
TYPES = {".csv": "text/csv", ".json": "application/json", ".keras": "application/octet-stream"}

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AccessControl:
    """A WSGI application that passes allowed requests to the dashboard, and serves the folders.

    The dashboard has no login. So a request is answered only if it names this machine: a foreign
    page may let its own host name point here. Unless changes are allowed, only reading requests
    are answered. The notes of the trials link to the folders.

    Args:
        app: the dashboard.
        root: of the sweep.
        allow_changes: pass requests that write, except to the files of a trial, which are those of
            its folder.
    """

    def __init__(self, app: App, root: Path, allow_changes: bool = False) -> None:
        self._app, self._root, self._allow_changes = app, root, allow_changes

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        reads = environ["REQUEST_METHOD"] in READING_METHODS
        if not _is_from_this_machine(environ, reads):
            return _refuse(start, f"only http://{HOST} is served here")
        if not reads and not self._allow_changes:
            return _refuse(start, READ_ONLY)
        if not reads and path.startswith("/api/artifacts"):
            return _refuse(start, "the files of a trial are those of its folder: put yours there")
        requested = EXPERIENCE_PATH.fullmatch(path)
        if requested and reads:
            id_experience, file_name = requested.groups()
            experience = Experience(self._root / id_experience)
            return _serve_folder(experience, file_name, environ, start)
        try:
            return self._app(environ, start)
        except (SweepError, OSError) as error:
            return _refuse(start, str(error), "503 Service Unavailable")


def _is_from_this_machine(environ: dict[str, Any], reads: bool) -> bool:
    """Tell whether a request names this machine and, if it writes, comes from a page served here.

    On Colab every request is let in: its proxy names itself, and only the user reaches it.
    """
    host = environ.get("HTTP_HOST", "")
    names_this_machine = re.fullmatch(rf"({re.escape(HOST)}|localhost)(:\d+)?", host) is not None
    is_from_own_page = environ.get("HTTP_ORIGIN", f"http://{host}") == f"http://{host}"
    return "COLAB_RELEASE_TAG" in os.environ or (names_this_machine and (reads or is_from_own_page))


def _refuse(
    start: Callable[..., Any], reason: str, status: str = "403 Forbidden"
) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]


def _serve_folder(
    experience: Experience, name: str, environ: dict[str, Any], start: Callable[..., Any]
) -> Iterable[bytes]:
    """Serve the file of an experience with this name, or the list of its files for no name."""
    served = (experience.record, experience.log, experience.meilleur)
    files = {path.name: path for path in served if plain_files.is_file(path)}
    if name in files:
        return _serve_file(files[name], environ, start)
    if name or not files:
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there is no such file"]
    links = "".join(f'<li><a href="{file}">{file}</a>' for file in files)
    start("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    page = FOLDER_PAGE.format(id=experience.id, path=html.escape(str(experience.path)), links=links)
    return [page.encode()]


def _serve_file(path: Path, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    file = plain_files.reading(path)
    size = os.fstat(file.fileno()).st_size
    start("200 OK", [("Content-Type", TYPES[path.suffix]), ("Content-Length", str(size))])
    if environ["REQUEST_METHOD"] == "GET":
        content: Iterable[bytes] = environ["wsgi.file_wrapper"](file)  # which closes the file
        return content
    file.close()
    return []

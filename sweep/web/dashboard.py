"""The Optuna dashboard of a sweep: on this machine only, and read-only by default."""

import contextlib
import itertools
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sweep.console.progress import Progress
from sweep.experience.inventory import Inventory
from sweep.experience.root_lock import RootLock
from sweep.experience.snapshot import Snapshot
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.experience.trials import TrialRecord
from sweep.running.context import SweepContext
from sweep.running.rehearsal import rehearse
from sweep.running.standings import Standings
from sweep.running.study_setup import open_or_rebuild
from sweep.search.optuna_adapter import storage_of, study_id
from sweep.settings import Settings
from sweep.space.search_space import load
from sweep.space.source import SpaceSource
from sweep.web.access import AccessControl, App
from sweep.web.dashboard_study import TrialFiles, annotate, left_out, study_of_folders
from sweep.web.server import Served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the dependencies of the dashboard
    import optuna_dashboard

LOOK_EVERY_S = 1.0
LOOKING_SHARE = 0.1  # of the time
# What asks for a part of the page, or whether it has changed; and what describes it without style.
ABOUT_PARTS = {"HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}
OF_UNSTYLED = {"content-length", "etag", "last-modified", "accept-ranges"}
# The dashboard's own links are dark blue on its dark page, and some of its texts pale.
STYLE = b"""<style>
a, h3, .MuiTypography-root, .MuiChip-root, .MuiButton-root { color: inherit !important }
.MuiAppBar-root { background-color: #1a4f8b !important }
td, th { padding-right: 1.5rem; text-align: left }
</style>"""


def serve(
    source: SpaceSource,
    settings: Settings,
    root: Path,
    port: int,
    allow_changes: bool,
    progress: Progress,
) -> Served:
    """Serve the dashboard from a thread.

    Args:
        source: the search space.
        settings: name the place of the study; used only to allow changes.
        root: of the sweep.
        port: of 127.0.0.1; 0 is any free port.
        allow_changes: serve the study itself and hold the root meanwhile, in place of a copy that
            is made from the folders.
        progress: shows what is done first.

    Raises:
        SweepError: the port is taken, a sweep holds the root, or the study cannot be opened.
    """
    reader, held = SnapshotReader(root, progress.say), contextlib.ExitStack()
    try:
        if not allow_changes:
            with progress.reading(root) as done:
                copy = ReadOnlyApp(source.name, reader, done)
            if copy.left_out:
                progress.say(copy.left_out)
            guarded = AccessControl(copy, root, allow_changes)
            return Served(guarded, port, page_of(copy.number), held)
        held.enter_context(RootLock(root, progress.say, threading.Event()))
        study, trials = _open(source, settings, root, progress)
        annotate(study, trials, reader.look())
        app = _app_of(study, TrialFiles(root, reader.look))
        guarded = AccessControl(app, root, allow_changes)
        return Served(guarded, port, page_of(study_id(study)), held)
    except BaseException:
        held.close()
        raise


class ReadOnlyApp:
    """The dashboard of a study in memory, which is made anew when the folders have changed.

    Args:
        name: of the study.
        reader: of the root.
        done: called after each folder of the first look.
    """

    _numbers = itertools.count()

    def __init__(
        self, name: str, reader: SnapshotReader, done: Callable[[], None] = lambda: None
    ) -> None:
        self._name, self._reader = name, reader
        self._lock = threading.Lock()
        # The dashboard caches importances by the number of the study, for the whole process.
        self.number = next(self._numbers)
        self._snapshot: Snapshot
        self._files = TrialFiles(reader.root, lambda: self._snapshot)
        self._shown, self._next_look_at = "", 0.0
        self._app = self._look(None, done)

    @property
    def left_out(self) -> str:
        """What the page leaves out, see ``dashboard_study.left_out``."""
        return left_out(len(self._snapshot.trials))

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return self._current_app()(environ, start)

    def _current_app(self) -> App:
        # While one request makes the app anew, others get the app before it.
        if self._lock.acquire(blocking=False):
            try:
                if time.monotonic() > self._next_look_at:
                    self._app = self._look(self._app)
            finally:
                self._lock.release()
        return self._app

    def _look(self, app: App | None, done: Callable[[], None] = lambda: None) -> App:
        begun, self._snapshot = time.monotonic(), self._reader.look(done)
        shown = self._snapshot.stamp()
        if app is None or shown != self._shown:
            study = study_of_folders(self._name, self._snapshot, self.number)
            app = _app_of(study, self._files)
        self._shown, ended = shown, time.monotonic()
        self._next_look_at = ended + max(LOOK_EVERY_S, (ended - begun) / LOOKING_SHARE)
        return app


def page_of(study: int) -> str:
    """Return the path of the page of a study, by its number."""
    return f"/dashboard/studies/{study}"


def _app_of(study: Any, files: TrialFiles) -> App:
    app: App = optuna_dashboard.wsgi(storage_of(study), artifact_store=files)

    def styled(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Add the style to the page, which is one for all paths below ``/dashboard``."""
        is_page = environ.get("PATH_INFO", "").startswith("/dashboard")
        if not is_page or environ["REQUEST_METHOD"] != "GET":
            return app(environ, start)
        asked = {name: value for name, value in environ.items() if name not in ABOUT_PARTS}
        answer = list[Any]()
        page = b"".join(app(asked, lambda *of_answer: answer.extend(of_answer)))
        page = page.replace(b"</head>", STYLE + b"</head>", 1)
        status, headers, *_ = answer
        headers = [(name, value) for name, value in headers if name.lower() not in OF_UNSTYLED]
        start(status, [*headers, ("Content-Length", str(len(page)))])
        return [page]

    return styled


def _open(
    source: SpaceSource, settings: Settings, root: Path, progress: Progress
) -> tuple[Any, dict[int, TrialRecord]]:
    """Open the study of the sweep, or rebuild it; return it with the trials that have a folder."""
    inventory = Inventory(root, source.name)
    inventory.check()
    inventory.settle(progress.say)
    context = SweepContext(settings, load(source), root, progress)
    epochs = rehearse(context.space, settings).epochs
    waiting = [
        (experience, record)
        for experience, record in inventory.recorded()
        if record.paused_at() and not record.outcome
    ]
    paused = Standings(context.space, waiting).values_of_paused()
    study = open_or_rebuild(context, epochs, inventory, paused, always_rebuild=False)
    return study.optuna_study, inventory.trials()

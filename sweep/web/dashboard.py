"""The Optuna dashboard of a sweep: on this machine only, and read-only by default."""

import contextlib
import itertools
import os
import socketserver
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sweep.console.progress import Progress
from sweep.errors import SweepError
from sweep.experience.inventory import Inventory
from sweep.experience.root_lock import RootLock
from sweep.experience.snapshot import Snapshot
from sweep.experience.snapshot_reader import SnapshotReader
from sweep.experience.trials import TrialRecord
from sweep.running.context import SweepContext
from sweep.running.rehearsal import rehearse
from sweep.running.study_setup import open_or_rebuild
from sweep.search.optuna_adapter import storage_of, study_id
from sweep.settings import Settings
from sweep.space.search_space import load
from sweep.space.source import SpaceSource
from sweep.web.access import HOST, AccessControl, App
from sweep.web.dashboard_study import TrialFiles, annotate, study_of_folders

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the dependencies of the dashboard
    import optuna_dashboard

LOOK_EVERY_S = 1.0
LOOKING_SHARE = 0.1  # of the time


class Dashboard:
    """A dashboard that is served until it is closed or its process ends; a notebook displays it.

    Args:
        app: what is served.
        port: of 127.0.0.1; 0 is any free port.
        study: the number of the study that is shown.
        held: closed with the dashboard; it may hold the root.

    Raises:
        SweepError: the port cannot be served.
    """

    def __init__(self, app: App, port: int, study: int, held: contextlib.ExitStack) -> None:
        try:
            self._server = make_server(HOST, port, app, server_class=_Server, handler_class=_Quiet)
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is from 0 to 65535"
            raise SweepError(
                f"Port {port} of {HOST} cannot be served ({why}): "
                "name another with --port, or 0 for any."
            ) from error
        self._held = held
        self.port = self._server.server_port
        self.path = f"/dashboard/studies/{study}"
        self.url = f"http://{HOST}:{self.port}{self.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until the dashboard is closed, or the user ends it with a Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join()

    def close(self) -> None:
        """Stop serving, and release the root."""
        self._server.shutdown()
        self._server.server_close()
        self._held.close()

    def __enter__(self) -> "Dashboard":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ipython_display_(self) -> None:
        if "COLAB_RELEASE_TAG" in os.environ:
            from google.colab import output

            output.serve_kernel_port_as_iframe(self.port, path=self.path, height="800")
        else:
            from IPython.display import IFrame, display

            display(IFrame(self.url, width="100%", height=800))  # type: ignore[no-untyped-call]


def serve(
    source: SpaceSource,
    settings: Settings,
    root: Path,
    port: int,
    allow_changes: bool,
    progress: Progress,
) -> Dashboard:
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
            return Dashboard(AccessControl(copy, root, allow_changes), port, copy.number, held)
        held.enter_context(RootLock(root, progress.say, threading.Event()))
        study, trials = _open(source, settings, root, progress)
        annotate(study, trials, reader.look())
        app = _app_of(study, TrialFiles(root, reader.look))
        return Dashboard(AccessControl(app, root, allow_changes), port, study_id(study), held)
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
        self._snapshot = reader.look(done)
        self._files = TrialFiles(reader.root, lambda: self._snapshot)
        self._shown: object = None
        self._app: App | None = None
        self._next_look_at = 0.0
        # The dashboard caches importances by the number of the study, for the whole process.
        self.number = next(self._numbers)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return self._current_app()(environ, start)

    def _current_app(self) -> App:
        # While one request makes the app anew, others get the app before it, if there is one.
        if not self._lock.acquire(blocking=self._app is None):
            return self._app or self._current_app()
        try:
            if self._app is None or time.monotonic() > self._next_look_at:
                self._app = self._look()
            return self._app
        finally:
            self._lock.release()

    def _look(self) -> App:
        begun, self._snapshot = time.monotonic(), self._reader.look()
        shown, app = _shown_of(self._snapshot), self._app
        if app is None or shown != self._shown:
            study = study_of_folders(self._name, self._snapshot, self.number)
            app = _app_of(study, self._files)
        self._shown, ended = shown, time.monotonic()
        self._next_look_at = ended + max(LOOK_EVERY_S, (ended - begun) / LOOKING_SHARE)
        return app


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *request: Any) -> None:
        """Log nothing for a request."""


def _app_of(study: Any, files: TrialFiles) -> App:
    app: App = optuna_dashboard.wsgi(storage_of(study), artifact_store=files)
    return app


def _shown_of(snapshot: Snapshot) -> object:
    """Return the part of a snapshot that the dashboard shows."""
    return [
        (
            training.experience.id,
            training.state,
            len(training.curve),
            len(training.record.sessions),
            [entry.ended for entry in training.record.trials],
        )
        for training in snapshot.trainings
    ]


def _open(
    source: SpaceSource, settings: Settings, root: Path, progress: Progress
) -> tuple[Any, dict[int, TrialRecord]]:
    """Open the study of the sweep, or rebuild it; return it with the trials that have a folder."""
    inventory = Inventory(root, source.name)
    inventory.check()
    inventory.settle(progress.say)
    context = SweepContext(settings, load(source), root, progress)
    epochs = rehearse(context.space, settings).epochs
    study = open_or_rebuild(context, epochs, inventory, always_rebuild=False)
    return study.optuna_study, inventory.trials()

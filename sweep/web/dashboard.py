"""The Optuna dashboard on a sweep, on this machine only, and read-only unless that is asked for otherwise."""

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
from sweep.experience.snapshot import Snapshot, SnapshotReader
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
    warnings.simplefilter("ignore")  # of its own dependencies, which are no business of ours
    import optuna_dashboard

LOOK_EVERY_S = 1.0
SHARE_OF_LOOKING = 0.1  # of the time


class Dashboard:
    """A dashboard that is served until it is closed, or its process ends. A notebook shows it in the cell."""

    def __init__(self, app: App, port: int, study: int, holds: contextlib.ExitStack) -> None:
        try:
            self._server = make_server(HOST, port, app, server_class=_Server, handler_class=_Quiet)
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is from 0 to 65535"
            raise SweepError(
                f"Port {port} of {HOST} cannot be served ({why}): name another with --port, or 0 for any."
            ) from error
        self._holds = holds
        self.port = self._server.server_port
        self.path = f"/dashboard/studies/{study}"
        self.url = f"http://{HOST}:{self.port}{self.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when it is closed, or at a Ctrl-C, which is how one leaves it."""
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join()

    def close(self) -> None:
        """Serve no more, and leave the root to others."""
        self._server.shutdown()
        self._server.server_close()
        self._holds.close()

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
        settings: where the study is; asked for only to allow changes.
        root: of the sweep.
        port: of 127.0.0.1; 0 is any that is free.
        allow_changes: serve the study itself, whose root is then held, and not a view of the folders.
        progress: is told what is done first.

    Raises:
        SweepError: the port is taken, a sweep holds the root, or the study cannot be opened.
    """
    watch, holds = SnapshotReader(root, progress.say), contextlib.ExitStack()
    try:
        if not allow_changes:
            with progress.reading(root) as done:
                view = ReadOnlyApp(source.name, watch, done)
            return Dashboard(AccessControl(view, root, allow_changes), port, view.number, holds)
        holds.enter_context(RootLock(root, progress.say, threading.Event()))
        study, known = _open(source, settings, root, progress)
        annotate(study, known, watch.look())
        app = _app_of(study, TrialFiles(root, watch.look))
        return Dashboard(AccessControl(app, root, allow_changes), port, study_id(study), holds)
    except BaseException:
        holds.close()
        raise


class ReadOnlyApp:
    """The dashboard on a study in memory, made from the folders anew when they have changed.

    Args:
        name: of the study.
        watch: of the root.
        done: is called after each folder that is read at first.
    """

    _numbers = itertools.count()

    def __init__(
        self, name: str, watch: SnapshotReader, done: Callable[[], None] = lambda: None
    ) -> None:
        self._name, self._watch = name, watch
        self._lock = threading.Lock()
        self._sight = watch.look(done)
        self._files = TrialFiles(watch.root, lambda: self._sight)
        self._seen: object = None
        self._app: App | None = None
        self._next_at = 0.0
        # The dashboard keeps importances for all studies of a process, by their numbers.
        self.number = next(self._numbers)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        return self._current()(environ, start)

    def _current(self) -> App:
        # Who comes while it is made anew gets the one before it, if there is one.
        if not self._lock.acquire(blocking=self._app is None):
            return self._app or self._current()
        try:
            if self._app is None or time.monotonic() > self._next_at:
                self._app = self._look()
            return self._app
        finally:
            self._lock.release()

    def _look(self) -> App:
        begun, self._sight = time.monotonic(), self._watch.look()
        seen, app = _stamp(self._sight), self._app
        if app is None or seen != self._seen:
            app = _app_of(study_of_folders(self._name, self._sight, self.number), self._files)
        self._seen, ended = seen, time.monotonic()
        self._next_at = ended + max(LOOK_EVERY_S, (ended - begun) / SHARE_OF_LOOKING)
        return app


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *of_request: Any) -> None:
        """Say nothing of each request."""


def _app_of(study: Any, files: TrialFiles) -> App:
    app: App = optuna_dashboard.wsgi(storage_of(study), artifact_store=files)
    return app


def _stamp(sight: Snapshot) -> object:
    """Return what of a sight the dashboard shows."""
    return [
        (
            one.experience.id,
            one.state,
            len(one.curve),
            len(one.record.sessions),
            [trial.ended for trial in one.record.trials],
        )
        for one in sight.trainings
    ]


def _open(
    source: SpaceSource, settings: Settings, root: Path, progress: Progress
) -> tuple[Any, dict[int, TrialRecord]]:
    folders = Inventory(root, source.name)
    folders.check()
    folders.settle(progress.say)
    context = SweepContext(settings, load(source), root, progress)
    epochs = rehearse(context.space, settings).epochs
    study = open_or_rebuild(context, epochs, folders, always_rebuild=False)
    return study.optuna_study, folders.known()

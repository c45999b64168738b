"""A page that is served to this machine only, from a thread."""

import contextlib
import os
import socketserver
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sweep.errors import SweepError
from sweep.web.access import HOST, App


class Served:
    """A page that is served until it is closed or its process ends; a notebook displays it.

    Args:
        app: what is served.
        port: of 127.0.0.1; 0 is any free port.
        path: of the page.
        held: closed with it; it may hold the root.

    Raises:
        SweepError: the port cannot be served.
    """

    def __init__(
        self, app: App, port: int, path: str, held: contextlib.ExitStack | None = None
    ) -> None:
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
        self.path = path
        self.url = f"http://{HOST}:{self.port}{self.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"served at {self.url}"

    def wait(self) -> None:
        """Wait until it is closed, or the user ends it with a Ctrl-C."""
        with contextlib.suppress(KeyboardInterrupt):
            self._thread.join()

    def close(self) -> None:
        """Stop serving, and release the root."""
        self._server.shutdown()
        self._server.server_close()
        if self._held:
            self._held.close()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ipython_display_(self) -> None:
        if "COLAB_RELEASE_TAG" in os.environ:
            from google.colab import output

            output.serve_kernel_port_as_iframe(self.port, path=self.path, height="800")
        else:
            from IPython.display import IFrame, display

            display(IFrame(self.url, width="100%", height=800))  # type: ignore[no-untyped-call]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *request: Any) -> None:
        """Log nothing for a request."""

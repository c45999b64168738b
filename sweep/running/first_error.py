"""The error that ends a sweep, whichever thread meets it."""

import threading

from sweep.errors import StoppedWaiting


class FirstError:
    """Keeps the first error, and stops the sweep. Its methods may be called from any thread.

    Args:
        stop: is set with the first error, so that the other threads save and end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._error: BaseException | None = None

    def stop_with(self, error: BaseException) -> None:
        """Stop the sweep, and keep the error unless it only says that the sweep was stopped."""
        if not isinstance(error, StoppedWaiting):
            self._error = self._error or error
        self._stop.set()

    def has_come(self) -> bool:
        """Tell whether there is an error."""
        return self._error is not None

    def raise_again(self) -> None:
        """Raise the first error, if there is one."""
        if self._error:
            raise self._error

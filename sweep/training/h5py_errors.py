"""Errors of h5py: as plain OSErrors, and without the lines that it prints beside them."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from types import TracebackType

CLOSED_ONCE_MORE = "Can't decrement id ref count"


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Raise what h5py raises as a plain OSError; h5py hides the error's number in a long message.

    Raises:
        OSError: the disk is full or gone.
    """
    try:
        yield
    except NotImplementedError:  # a RuntimeError too: a layer that cannot be saved, on any disk
        raise
    except (RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        number = re.search(r"errno = (\d+)", str(error))
        if number:
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from error
        raise OSError(str(error).partition(", filename")[0]) from error


def silence_h5py() -> None:
    """Keep this process from printing the errors that h5py cannot raise.

    When h5py collects a file that it could not write, it closes that file once more. That fails
    once more, where nobody can catch it. The save itself has failed, and was reported, before.
    """
    excepthook, unraisablehook = sys.excepthook, sys.unraisablehook

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if CLOSED_ONCE_MORE not in str(error):
            excepthook(kind, error, trace)

    def on_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
        is_of_h5py = "h5py" in str(unraisable.object)
        if CLOSED_ONCE_MORE not in str(unraisable.exc_value) and not is_of_h5py:
            unraisablehook(unraisable)

    # Cython prints the traceback through the first hook, and "Exception ignored" through the other.
    sys.excepthook, sys.unraisablehook = on_exception, on_unraisable

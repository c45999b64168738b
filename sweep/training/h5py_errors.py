"""sweep.training.h5py_errors."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from types import TracebackType

CLOSED_ONCE_MORE = "Can't decrement id ref count"


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Make a plain OSError of what h5py raises, which has the error's number in the middle of a long message only.

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
    """Let this process say nothing of the errors that h5py cannot raise.

    What could not be written is closed once more when it is collected, and fails once more, where nobody can catch it; the
    save itself has failed by then, and says so.
    """
    excepthook, unraisablehook = sys.excepthook, sys.unraisablehook

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if CLOSED_ONCE_MORE not in str(error):
            excepthook(kind, error, trace)

    def on_unraisable(what: "sys.UnraisableHookArgs") -> None:
        if CLOSED_ONCE_MORE not in str(what.exc_value) and "h5py" not in str(what.object):
            unraisablehook(what)

    # Cython prints the traceback by the one, and that it is ignored by the other.
    sys.excepthook, sys.unraisablehook = on_exception, on_unraisable

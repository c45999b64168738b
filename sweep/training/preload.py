"""Keras, imported once in the forkserver, and without the lines that TensorFlow prints.

Each training is then a fork: a fresh process, in about the time of a warm one. TensorFlow writes
about its GPUs while it is imported; those lines are shown only where the import fails.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import threading
import traceback
from multiprocessing import process
from pathlib import Path
from pickle import UnpicklingError
from types import TracebackType

from sweep.training.protocol import PRELOAD_VARIABLE

SERVER = "from multiprocessing.forkserver import main"


def _cannot_be_forked() -> bool:
    """Return whether this process computes, or has other threads, so that its forks might hang.

    Once TensorFlow has made a tensor, its number of threads is fixed, and they do not survive a
    fork.
    """
    from tensorflow.config import threading as tensorflow_threads

    before = tensorflow_threads.get_intra_op_parallelism_threads()
    try:
        for number in (before + 1, before):
            tensorflow_threads.set_intra_op_parallelism_threads(number)
    except RuntimeError:
        return True
    return threading.active_count() > _threads


def _except_for_a_dead_controller(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback, unless the controller was killed while it asked for a process.

    ``multiprocessing`` then finds its pipe or socket closed, in the server or in the new child.
    That is no news to anybody who is left.
    """
    where = Path(traceback.extract_tb(trace)[-1].filename) if trace else None
    of_a_pipe = where is not None and where.parent == Path(process.__file__).parent
    if not (of_a_pipe and isinstance(error, EOFError | ConnectionError | UnpicklingError)):
        sys.__excepthook__(kind, error, trace)


def _import_all(modules: list[str]) -> str | None:
    """Import the modules, and return the first after which no fork is safe, or None."""
    for module in modules:
        # A module that cannot be imported is reported when the search space is loaded.
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(module)
        if _cannot_be_forked():
            return module
    return None


_threads = threading.active_count()
_modules = os.environ.get(PRELOAD_VARIABLE, "sweep").split(",")
_harmful_module: str | None = None
with tempfile.TemporaryFile() as _printed:
    _stderr = os.dup(2)
    os.dup2(_printed.fileno(), 2)
    try:
        import sweep.training.train  # noqa: F401 # imported for what it does to this process
        from sweep.training.state.keras_attributes import fill_caches

        _harmful_module = None if _cannot_be_forked() else _import_all(_modules)
        fill_caches()
    except BaseException:
        _printed.seek(0)
        os.write(_stderr, _printed.read())
        raise
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os.dup2(_stderr, 2)
        os.close(_stderr)

# A notebook, which imports this to load a model, forks nothing and is not started anew.
if any(word.startswith(SERVER) for word in sys.orig_argv):
    sys.excepthook = _except_for_a_dead_controller
    if _harmful_module is not None:
        left = [name for name in _modules if name != _harmful_module]
        os.environ[PRELOAD_VARIABLE] = ",".join(left)
        # The same process, with all that it was given, starts anew without that module.
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 # a shell would be another process

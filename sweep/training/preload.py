"""Keras, imported in silence: once in the forkserver, so that each training is a fresh process at the price of a warm one.

TensorFlow speaks of its GPUs while it is imported; where the import succeeds, nobody needs to hear it.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import threading

MODULES = "SWEEP_WARM"
SERVER = "from multiprocessing.forkserver import main"


def _has_begun() -> bool:
    """Tell whether this process computes, or has other threads, by now: none that is forked from it would do so in peace.

    TensorFlow lets nobody choose its threads any more once it has made a tensor, and its own do not come through a fork.
    """
    from tensorflow.config import threading as of_tensorflow

    before = of_tensorflow.get_intra_op_parallelism_threads()
    try:
        for number in (before + 1, before):
            of_tensorflow.set_intra_op_parallelism_threads(number)
    except RuntimeError:
        return True
    return threading.active_count() > _threads


def _import_all(modules: list[str]) -> str | None:
    """Import what the search space does, and return the first module after which there is no going on, or None."""
    for module in modules:
        with contextlib.suppress(Exception, SystemExit):  # the search space has its own word on it
            importlib.import_module(module)
        if _has_begun():
            return module
    return None


_threads = threading.active_count()
_modules = os.environ.get(MODULES, "sweep").split(",")
_spoilt: str | None = None
with tempfile.TemporaryFile() as _said:
    _stderr = os.dup(2)
    os.dup2(_said.fileno(), 2)
    try:
        import sweep.training.train  # noqa: F401 # imported for what it does to this process
        from sweep.training.state.object_graph import look_ahead

        _spoilt = None if _has_begun() else _import_all(_modules)
        look_ahead()
    except BaseException:
        _said.seek(0)
        os.write(_stderr, _said.read())
        raise
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os.dup2(_stderr, 2)
        os.close(_stderr)

# A notebook may import this too, to load a model; it forks nothing.
if _spoilt is not None and any(word.startswith(SERVER) for word in sys.orig_argv):
    os.environ[MODULES] = ",".join(one for one in _modules if one != _spoilt)
    # The same process, and all that it was given, from its beginning.
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606 # a shell would be another process

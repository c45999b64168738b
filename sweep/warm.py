"""Keras, imported in silence: once in the forkserver, so that each training is a fresh process at the price of a warm one.

TensorFlow speaks of its GPUs while it is imported; where the import succeeds, nobody needs to hear it.
"""

import contextlib
import importlib
import os
import sys
import tempfile

with tempfile.TemporaryFile() as _said:
    _stderr = os.dup(2)
    os.dup2(_said.fileno(), 2)
    try:
        import sweep.training  # noqa: F401 # imported for what it does to this process
        from sweep.reachable import look_ahead

        for _module in os.environ.get("SWEEP_WARM", "sweep").split(","):
            with contextlib.suppress(Exception):  # the search space has its own word on a module that does not import
                importlib.import_module(_module)
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

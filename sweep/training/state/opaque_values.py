"""Whether a value that cannot be saved has changed: its content, or its position if it is read."""

import contextlib
import hashlib
import inspect
import io
import itertools
import operator
import pickle
import types
from typing import Any

from sweep.training.state.ownership import is_harmless, is_only_written

new_identity = itertools.count(1)  # each number is equal to no identity before it


def opaque_identity(value: Any) -> object:
    """Return what tells an opaque value from another one, and from itself once it has changed."""
    if is_harmless(value):
        return id(value)
    if hasattr(value, "__next__") and not is_only_written(value):
        return id(value), _position(value)
    return _content(value)


def _content(value: Any) -> object:
    """Return a digest of all that an object holds, or its id if it cannot be pickled."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        digest = hashlib.sha256(pickle.dumps(value, protocol=5, buffer_callback=buffers.append))
        for buffer in buffers:
            digest.update(buffer.raw())
    except Exception:  # noqa: BLE001 # objects of others may raise anything
        return id(value)
    return digest.digest()


def _position(iterator: Any) -> object:
    """Return the position of an iterator; one that does not tell it is taken to have moved."""
    if isinstance(iterator, itertools.count | itertools.repeat):
        return repr(iterator)
    if isinstance(iterator, types.GeneratorType):
        state = inspect.getgeneratorstate(iterator)
        if state == inspect.GEN_CREATED:
            return state
    if isinstance(iterator, io.IOBase) and not iterator.closed:
        # A text file does not tell its position once its lines are iterated over.
        with contextlib.suppress(OSError):
            return iterator.tell()
    if hasattr(iterator, "__length_hint__"):
        return operator.length_hint(iterator, next(new_identity))
    return next(new_identity)

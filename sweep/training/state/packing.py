"""sweep.training.state.packing."""

from collections import deque
from typing import Any

import numpy as np

StateArrays = dict[str, np.ndarray]
SEQUENCES: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
NUMBERS = "biufc"  # the kinds of NumPy types that HDF5 holds
PLAIN = {type(None), bool, int, float, str}


class NotPacked(TypeError):
    """A value that is neither plain nor an array."""


def pack(value: Any, arrays: StateArrays) -> Any:
    """Return ``value`` as plain JSON that ``unpack`` makes the same value of; its arrays go into ``arrays``.

    Raises:
        NotPacked: it holds something else than None, bool, int, float, str, list, tuple, set, deque, dict and numeric
            arrays.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is list:
        return [pack(item, arrays) for item in value]
    for name, kind in SEQUENCES.items():
        if type(value) is kind and PLAIN.issuperset(
            map(type, value)
        ):  # a random state has hundreds of numbers
            return {name: list(value)}
        if type(value) is kind:
            return {name: [pack(item, arrays) for item in value]}
    if type(value) is deque:
        return {"deque": [value.maxlen, [pack(item, arrays) for item in value]]}
    if type(value) is dict:
        return {"dict": [[pack(key, arrays), pack(item, arrays)] for key, item in value.items()]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
        name = str(len(arrays))
        arrays[name] = np.array(value)
        return {"scalar" if isinstance(value, np.generic) else "array": name}
    raise NotPacked(type(value).__name__)


def unpack(packed: Any, arrays: StateArrays) -> Any:
    """Return the value that ``pack`` was given."""
    if isinstance(packed, list):
        return [unpack(item, arrays) for item in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind in SEQUENCES:
        return SEQUENCES[kind](unpack(item, arrays) for item in content)
    if kind == "deque":
        return deque((unpack(item, arrays) for item in content[1]), content[0])
    if kind == "dict":
        return {unpack(key, arrays): unpack(item, arrays) for key, item in content}
    return np.array(arrays[content]) if kind == "array" else arrays[content][()]

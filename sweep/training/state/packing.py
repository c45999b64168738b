"""Plain values and arrays as JSON, beside which the arrays stand by name.

A leaf value of the object graph has another form, see ``leaf_values.py``. Backups hold both.
"""

from collections import deque
from typing import Any

import numpy as np

Json = dict[str, Any]  # a JSON object
StateArrays = dict[str, np.ndarray]  # the arrays that a JSON object refers to, by name
SEQUENCES: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
NUMBERS = "biufc"  # the kinds of NumPy types that HDF5 holds
PLAIN = {type(None), bool, int, float, str}


class NotPacked(TypeError):
    """A value is neither plain nor an array."""


def pack(value: Any, arrays: StateArrays) -> Any:
    """Return a value as plain JSON, from which ``unpack`` makes an equal value.

    Args:
        value: plain values and numeric arrays, in list, tuple, set, frozenset, deque and dict.
        arrays: receives the arrays of the value.

    Raises:
        NotPacked: the value holds an object of another type.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is list:
        return [pack(item, arrays) for item in value]
    for name, sequence in SEQUENCES.items():
        if type(value) is sequence:
            are_plain = PLAIN.issuperset(map(type, value))  # a random state has hundreds of numbers
            return {name: list(value) if are_plain else [pack(item, arrays) for item in value]}
    if type(value) is deque:
        return {"deque": [value.maxlen, [pack(item, arrays) for item in value]]}
    if type(value) is dict:
        return {"dict": [[pack(key, arrays), pack(item, arrays)] for key, item in value.items()]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in NUMBERS:
        kind = "scalar" if isinstance(value, np.generic) else "array"
        return {kind: keep_array(value, arrays)}
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


def keep_array(array: Any, arrays: StateArrays) -> str:
    """Copy an array into ``arrays``, and return the name that it has there."""
    name = str(len(arrays))
    arrays[name] = np.array(array)
    return name

"""Leaves of the object graph: values without parts that can change, and the content of arrays.

A *form* describes a value: it is plain JSON, except that it holds ``Opaque`` and ``ArrayForm``
objects while it stays in its process. Two forms of one value are equal as long as it is unchanged.
"""

import builtins
import enum
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

import numpy as np
import tensorflow as tf

from sweep.training.state.ownership import CODE, code_named, full_name, is_of_user
from sweep.training.state.packing import NUMBERS, PLAIN, StateArrays

# Types of values that cannot change, and the arguments from which an equal value is made.
ARGUMENTS: dict[type, Callable[[Any], list[Any]]] = {
    bytes: lambda value: [value.hex()],
    complex: lambda value: [value.real, value.imag],
    datetime: lambda value: [value.isoformat()],
    Decimal: lambda value: [str(value)],
    Fraction: lambda value: [value.numerator, value.denominator],
    date: lambda value: [value.year, value.month, value.day],
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    range: lambda value: [value.start, value.stop, value.step],
    UUID: lambda value: [str(value)],
    np.str_: lambda value: [str(value)],
}
MAKERS: dict[str, Any] = {
    **{cls.__name__: cls for cls in ARGUMENTS},
    "bytes": bytes.fromhex,
    "datetime": datetime.fromisoformat,
}
INLINE_BYTES = 4096
# Of a larger array, a digest reads SAMPLE_BYTES out of each SAMPLED_BYTES: to read all of it would
# take a second a gigabyte.
LARGE_BYTES, SAMPLED_BYTES, SAMPLE_BYTES = 2**26, 2**16, 2**12
Form = Any  # plain JSON, but for ``Opaque`` and ``ArrayForm``
NOT_A_LEAF = object()
# How a value is made from the content of its form, by the kind of the form.
READERS: dict[str, Callable[[Any, StateArrays], Any]] = {
    "value": lambda content, _: MAKERS[content[0]](*content[1]),
    "builtin": lambda content, _: _builtin(content),
    "path": lambda content, _: Path(content),
    "global": lambda content, _: code_named(content),
    "scalar": lambda content, _: np.frombuffer(bytes.fromhex(content[1]), np.dtype(content[0]))[0],
    "enum": lambda content, _: user_class(content[0])[content[1]],
    "array": lambda content, arrays: np.array(arrays[content]),
    "numbers": lambda content, arrays: arrays[content["array"]].tolist(),
    "tensor": lambda content, arrays: _tensor(content, arrays),
    "strings": lambda content, _: _string_tensor(*content),
    "sparse": lambda content, arrays: tf.SparseTensor(*_leaves(content, arrays)),
    "ragged": lambda content, arrays: _ragged(*_leaves(content, arrays)),
}


class NotRestorable(Exception):
    """A part of the state cannot be restored."""


@dataclass(frozen=True)
class Opaque:
    """A value that cannot be saved; in its process, its identity tells it from another one."""

    kind: str
    identity: object
    is_harmless: bool
    value: Any = field(compare=False, repr=False)


@dataclass(frozen=True)
class ArrayForm:
    """The content of an array; a digest tells a large array from another one."""

    dtype: str
    shape: tuple[int, ...]
    digest: bytes
    array: np.ndarray = field(compare=False, repr=False)

    @classmethod
    def of(cls, array: np.ndarray) -> "ArrayForm":
        view = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        if len(view) <= INLINE_BYTES:
            return cls(array.dtype.str, array.shape, view.tobytes(), array)
        is_large = len(view) > LARGE_BYTES
        step, length = (SAMPLED_BYTES, SAMPLE_BYTES) if is_large else (LARGE_BYTES, LARGE_BYTES)
        digest = hashlib.sha256()
        for start in range(0, len(view), step):
            digest.update(view[start : start + length].data)
        return cls(array.dtype.str, array.shape, digest.digest(), array)

    def unchanged(self) -> np.ndarray:
        """Return the array.

        Raises:
            NotRestorable: the array was changed since.
        """
        if self != ArrayForm.of(self.array):
            raise NotRestorable("it was changed while the training was prepared")
        return self.array


def leaf_form(value: Any) -> Form:
    """Return the form of a value that cannot change, or NOT_A_LEAF."""
    if type(value) in PLAIN:
        return value
    if type(value) in ARGUMENTS:
        return {"value": [type(value).__name__, ARGUMENTS[type(value)](value)]}
    if isinstance(value, type) and value.__module__ == "builtins":
        return {"builtin": value.__name__}
    if isinstance(value, PurePath):
        return {"path": str(value)}
    if isinstance(value, np.generic) and value.dtype.kind in NUMBERS:
        return {"scalar": [value.dtype.str, value.tobytes().hex()]}
    if isinstance(value, enum.Enum) and is_of_user(type(value).__module__):
        return {"enum": [full_name(type(value)), value.name]}
    if isinstance(value, CODE) and code_named(full_name(value)) is value:
        return {"global": full_name(value)}
    return _tensor_form(value)


def random_state_form(state: Any) -> Form:
    """Return the form of a random state, whose parts belong to no other object."""
    if isinstance(state, dict):
        return {"mapping": {name: random_state_form(item) for name, item in state.items()}}
    if isinstance(state, tuple):
        return {"tuple": [random_state_form(item) for item in state]}
    return ArrayForm.of(np.array(state)) if isinstance(state, np.ndarray) else state


def read_leaf(form: dict[str, Any], arrays: StateArrays) -> Any:
    """Return the value of a form.

    Raises:
        NotRestorable: this process has no such value.
    """
    kind, content = next(iter(form.items()))
    if kind not in READERS:
        raise NotRestorable(kind)
    return READERS[kind](content, arrays)


def enclosing_names(name: str) -> Iterator[str]:
    """Yield the names of the modules in which a class of this full name may be."""
    while name := name.rpartition(".")[0]:
        yield name


def user_class(name: str) -> Any:
    """Return a class of the user's own code by its full name; nothing is imported for it.

    Raises:
        NotRestorable: there is no such class.
    """
    module = next((outer for outer in enclosing_names(name) if outer in sys.modules), "")
    if not is_of_user(module):
        raise NotRestorable(f"a {name}")
    cls: Any = sys.modules[module]
    for part in name.removeprefix(f"{module}.").split("."):
        cls = getattr(cls, part, None)
    if not isinstance(cls, type):
        raise NotRestorable(f"a {name}")
    return cls


def _tensor_form(value: Any) -> Form:
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return _dense_form(value)
    if isinstance(value, tf.SparseTensor):
        return _composite_form("sparse", value.indices, value.values, value.dense_shape)
    if isinstance(value, tf.RaggedTensor):
        return _composite_form("ragged", value.flat_values, *value.nested_row_splits)
    return NOT_A_LEAF


def _dense_form(tensor: Any) -> Form:
    if tensor.dtype == tf.string:
        texts = [text.hex() for text in np.ravel(tensor.numpy())]
        return {"strings": [texts, tensor.shape.as_list()]}
    array = np.asarray(tensor)
    return {"tensor": ArrayForm.of(array)} if array.dtype.kind in NUMBERS else NOT_A_LEAF


def _composite_form(kind: str, *tensors: Any) -> Form:
    forms = [leaf_form(tensor) for tensor in tensors]
    return NOT_A_LEAF if NOT_A_LEAF in forms else {kind: forms}


def _builtin(name: str) -> Any:
    if not isinstance(getattr(builtins, name, None), type):
        raise NotRestorable(name)
    return getattr(builtins, name)


def _leaves(forms: list[Any], arrays: StateArrays) -> Iterator[Any]:
    return (read_leaf(form, arrays) for form in forms)


def _tensor(content: Any, arrays: StateArrays) -> Any:
    value = content if isinstance(content, ArrayForm) else arrays[content["array"]]
    return tf.constant(value.unchanged() if isinstance(value, ArrayForm) else value)


def _string_tensor(texts: list[str], shape: list[int]) -> Any:
    return tf.reshape(tf.constant([bytes.fromhex(text) for text in texts], tf.string), shape)


def _ragged(values: Any, *splits: Any) -> Any:
    return tf.RaggedTensor.from_nested_row_splits(values, splits, validate=False)

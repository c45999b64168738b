"""Values as plain JSON, and back: what cannot change, and what arrays hold.

A form is plain JSON, but for ``Opaque`` and the content of arrays while it stays in its process.
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

from sweep.training.state.ownership import CODE, is_of_user, name_of, named
from sweep.training.state.packing import NUMBERS, PLAIN, StateArrays

# Of values that cannot change, by their types: what each is made again from.
VALUES: dict[type, Callable[[Any], list[Any]]] = {
    bytes: lambda one: [one.hex()],
    complex: lambda one: [one.real, one.imag],
    datetime: lambda one: [one.isoformat()],
    Decimal: lambda one: [str(one)],
    Fraction: lambda one: [one.numerator, one.denominator],
    date: lambda one: [one.year, one.month, one.day],
    timedelta: lambda one: [one.days, one.seconds, one.microseconds],
    range: lambda one: [one.start, one.stop, one.step],
    UUID: lambda one: [str(one)],
    np.str_: lambda one: [str(one)],
}
INLINE_BYTES = 4096
# An array that is larger is looked at in samples: of so many bytes, so many. A whole look would take a second a gigabyte.
LARGE_BYTES, SAMPLED_BYTES, SAMPLE_BYTES = 2**26, 2**16, 2**12
Form = Any  # plain JSON, but for ``Opaque`` and the contents of arrays
NOT_INLINE = object()
MAKERS: dict[str, Any] = {
    **{cls.__name__: cls for cls in VALUES},
    "bytes": bytes.fromhex,
    "datetime": datetime.fromisoformat,
}
# How a value is made of what its form holds.
KINDS: dict[str, Callable[[Any, StateArrays], Any]] = {
    "value": lambda content, _: MAKERS[content[0]](*content[1]),
    "builtin": lambda content, _: _builtin(content),
    "path": lambda content, _: Path(content),
    "global": lambda content, _: named(content),
    "scalar": lambda content, _: np.frombuffer(bytes.fromhex(content[1]), np.dtype(content[0]))[0],
    "enum": lambda content, _: class_of_user(content[0])[content[1]],
    "array": lambda content, arrays: np.array(arrays[content]),
    "numbers": lambda content, arrays: arrays[content["array"]].tolist(),
    "tensor": lambda content, arrays: _tensor_of(content, arrays),
    "strings": lambda content, _: tf.reshape(
        tf.constant([bytes.fromhex(text) for text in content[0]], tf.string), content[1]
    ),
    "sparse": lambda content, arrays: tf.SparseTensor(
        *(plain_value(part, arrays) for part in content)
    ),
    "ragged": lambda content, arrays: _ragged(content, arrays),
}


@dataclass(frozen=True)
class Opaque:
    """A value that cannot be saved; in its process it is told from another one by its identity."""

    kind: str
    identity: object
    is_harmless: bool
    value: Any = field(compare=False, repr=False)


def inline(value: Any) -> Form:
    """Return what cannot change as plain JSON, or NOT_INLINE."""
    if type(value) in PLAIN:
        return value
    if type(value) in VALUES:
        return {"value": [type(value).__name__, VALUES[type(value)](value)]}
    if isinstance(value, type) and value.__module__ == "builtins":
        return {"builtin": value.__name__}
    if isinstance(value, PurePath):
        return {"path": str(value)}
    if isinstance(value, np.generic) and value.dtype.kind in NUMBERS:
        return {"scalar": [value.dtype.str, value.tobytes().hex()]}
    if isinstance(value, enum.Enum) and is_of_user(type(value).__module__):
        return {"enum": [name_of(type(value)), value.name]}
    if isinstance(value, CODE) and named(name_of(value)) is value:
        return {"global": name_of(value)}
    return _inline_tensors(value)


def _inline_tensors(value: Any) -> Form:
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return _tensor(value)
    if isinstance(value, tf.SparseTensor):
        return _tensors("sparse", value.indices, value.values, value.dense_shape)
    if isinstance(value, tf.RaggedTensor):
        return _tensors("ragged", value.flat_values, *value.nested_row_splits)
    return NOT_INLINE


def _tensor(tensor: Any) -> Form:
    if tensor.dtype == tf.string:
        return {
            "strings": [[text.hex() for text in np.ravel(tensor.numpy())], tensor.shape.as_list()]
        }
    array = np.asarray(tensor)
    return {"tensor": ArrayForm.of(array)} if array.dtype.kind in NUMBERS else NOT_INLINE


def _tensors(kind: str, *parts: Any) -> Form:
    forms = [inline(part) for part in parts]
    return NOT_INLINE if NOT_INLINE in forms else {kind: forms}


def closed(value: Any) -> Form:
    """Return a random state as a form: what it consists of belongs to nobody else."""
    if isinstance(value, dict):
        return {"mapping": {name: closed(item) for name, item in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [closed(item) for item in value]}
    return ArrayForm.of(np.array(value)) if isinstance(value, np.ndarray) else value


@dataclass(frozen=True)
class ArrayForm:
    """The content of an array, told from another one by a digest where it is large."""

    dtype: str
    shape: tuple[int, ...]
    digest: bytes
    array: np.ndarray = field(compare=False, repr=False)

    @classmethod
    def of(cls, array: np.ndarray) -> "ArrayForm":
        view = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        if len(view) <= INLINE_BYTES:
            return cls(array.dtype.str, array.shape, view.tobytes(), array)
        every, part = (
            (SAMPLED_BYTES, SAMPLE_BYTES) if len(view) > LARGE_BYTES else (LARGE_BYTES, LARGE_BYTES)
        )
        digest = hashlib.sha256()
        for start in range(0, len(view), every):
            digest.update(view[start : start + part].data)
        return cls(array.dtype.str, array.shape, digest.digest(), array)


class Lost(Exception):  # an answer to who puts values back
    """Something cannot be put back."""


def outer_names(name: str) -> Iterator[str]:
    """Yield the names of the modules in which something of this full name may be."""
    while name := name.rpartition(".")[0]:
        yield name


def plain_value(form: dict[str, Any], arrays: StateArrays) -> Any:
    kind, content = next(iter(form.items()))
    if kind not in KINDS:
        raise Lost(kind)
    return KINDS[kind](content, arrays)


def _builtin(name: str) -> Any:
    if not isinstance(getattr(builtins, name, None), type):
        raise Lost(name)
    return getattr(builtins, name)


def _tensor_of(content: Any, arrays: StateArrays) -> Any:
    value = content if isinstance(content, ArrayForm) else arrays[content["array"]]
    return tf.constant(array_of(value) if isinstance(value, ArrayForm) else value)


def _ragged(content: list[Any], arrays: StateArrays) -> Any:
    values, *splits = (plain_value(part, arrays) for part in content)
    return tf.RaggedTensor.from_nested_row_splits(values, splits, validate=False)


def array_of(form: ArrayForm) -> np.ndarray:
    if form != ArrayForm.of(form.array):
        raise Lost("it was changed while the training was prepared")
    return form.array


def class_of_user(name: str) -> Any:
    """Return a class of the user's own code, by its full name; nothing is imported for it.

    Raises:
        Lost: there is none.
    """
    module = next((one for one in outer_names(name) if one in sys.modules), "")
    if not is_of_user(module):
        raise Lost(f"a {name}")
    found: Any = sys.modules[module]
    for part in name.removeprefix(f"{module}.").split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise Lost(f"a {name}")
    return found

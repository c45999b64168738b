"""What of a training is neither in its weights nor in its files: random states, running metrics, callbacks.

Plain values go into JSON; arrays go beside the weights, into the group ``sweep`` of the same HDF5 file, which Keras
passes over when it loads the weights.
"""

import contextlib
import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import h5py
import keras
import numpy as np
from keras.src.random.seed_generator import global_seed_generator  # no public name: layers without a seed draw from it

GROUP = "sweep"
# What Keras itself sets on every callback: no state of the callback.
OF_KERAS = {"_model", "params", "validation_data"}

SEQUENCES: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}

Arrays = dict[str, np.ndarray]


class NotPacked(TypeError):
    """A value that is neither plain nor an array."""


def capture(model: keras.Model, callbacks: list[keras.callbacks.Callback]) -> tuple[dict[str, Any], Arrays]:
    """Return the state as a plain dict and the arrays that it names.

    What it cannot hold stands under ``left_out``, by the names of the callback and its attribute.
    """
    arrays: Arrays = {}
    left_out: list[str] = []
    plain = {
        "variables": [pack(np.asarray(variable), arrays) for variable in _variables(model)],
        "callbacks": [_attributes(callback, arrays, left_out) for callback in callbacks],
        "monitoring": [_is_monitoring(callback) for callback in callbacks],
        "left_out": left_out,
        "python_random": pack(random.getstate(), arrays),
        "numpy_random": pack(np.random.get_state(), arrays),  # the one that users and Keras draw from
    }
    return plain, arrays


def restore(model: keras.Model, callbacks: list[keras.callbacks.Callback], plain: dict[str, Any], arrays: Arrays) -> None:
    """Put a captured state back. The model must have its metrics built: ``sweep.training`` sees to that.

    Raises:
        ValueError: the model or the callbacks are not those of the capture.
    """
    for variable, packed in zip(_variables(model), plain["variables"], strict=True):
        variable.assign(unpack(packed, arrays))
    for callback, attributes, monitoring in zip(callbacks, plain["callbacks"], plain["monitoring"], strict=True):
        if monitoring and not _is_monitoring(callback):
            callback._set_monitor_op()  # noqa: SLF001 # else Keras does at the next epoch's end, and turns min_delta around again
        vars(callback).update({name: unpack(packed, arrays) for name, packed in attributes.items()})
    random.setstate(unpack(plain["python_random"], arrays))
    np.random.set_state(unpack(plain["numpy_random"], arrays))


@contextlib.contextmanager
def drawing_again() -> Iterator[None]:
    """Put the random states that backups hold back at the end: what follows draws the same numbers once more."""
    seed = global_seed_generator().state
    before = random.getstate(), np.random.get_state(), np.asarray(seed)
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])
    seed.assign(before[2])


def write_arrays(weights: Path, arrays: Arrays) -> None:
    """Add the arrays to a file of weights."""
    with h5py.File(weights, "a") as file:
        for name, array in arrays.items():
            file[f"{GROUP}/{name}"] = array


def read_arrays(weights: Path) -> Arrays:
    """Return the arrays that ``write_arrays`` added."""
    with h5py.File(weights, "r") as file:
        return {name: array[()] for name, array in file.get(GROUP, {}).items()}


def pack(value: Any, arrays: Arrays) -> Any:
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


def unpack(packed: Any, arrays: Arrays) -> Any:
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


def how_made(callback: keras.callbacks.Callback) -> Any:
    """Return how the search space made a callback, in a form that is equal for two that were made alike.

    A function is its code and all that it closes over; what is neither plain nor a function is its type.
    """
    attributes = {name: value for name, value in vars(callback).items() if name not in OF_KERAS}
    return type(callback).__qualname__, {name: _form(value) for name, value in attributes.items()}


def _form(value: Any) -> Any:
    if isinstance(value, FunctionType):
        closed_over = [_form(cell.cell_contents) for cell in value.__closure__ or ()]
        return value.__code__.co_code, repr(value.__code__.co_consts), closed_over, _form(value.__defaults__)
    try:
        arrays: Arrays = {}
        return repr(pack(value, arrays)), [(array.dtype.str, array.tobytes()) for array in arrays.values()]
    except NotPacked:
        return type(value).__qualname__


def _variables(model: keras.Model) -> list[keras.Variable]:
    """The seed states, which no file of Keras holds; the running metrics of the epoch; Keras's own seed."""
    weights = {id(weight) for weight in model.weights}
    hidden = [variable for variable in model.variables if id(variable) not in weights]
    return [*hidden, *model.metrics_variables, global_seed_generator().state]


def _is_monitoring(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback has made up its mind what is better; Keras's own do so at the end of their first epoch."""
    return getattr(callback, "monitor_op", None) is not None


def _attributes(callback: keras.callbacks.Callback, arrays: Arrays, left_out: list[str]) -> dict[str, Any]:
    attributes = {}
    for name, value in vars(callback).items():
        # What can be called, a function or a layer, is what the search space built the callback with, and no state.
        if name not in OF_KERAS and not callable(value):
            try:
                attributes[name] = pack(value, arrays)
            except NotPacked as kind:
                left_out.append(f"{type(callback).__name__}.{name}, a {kind}")
    return attributes

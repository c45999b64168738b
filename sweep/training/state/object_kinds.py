"""Which objects the graph looks into, and as what kind; all other values are opaque."""

import functools
import random
import sys
import threading
import types
from collections import deque
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.state.keras_attributes import KERAS_CLASSES
from sweep.training.state.ownership import HARMLESS, is_of_user
from sweep.training.state.packing import NUMBERS

CONTAINERS = {"list": list, "dict": dict, "set": set, "deque": deque}
CACHED_FUNCTION = type(functools.cache(lambda: None))
GENERATORS = (random.Random, np.random.Generator, np.random.RandomState)
# The graph looks into these, too, though they are neither the user's own nor of Keras.
ALSO_OBJECTS = (
    *(functools.partial, types.SimpleNamespace, threading.local),
    *(tf.Module, tf.random.Generator, tf.train.Checkpoint, tf.train.ExponentialMovingAverage),
)
TABLES = (tf.lookup.experimental.MutableHashTable, tf.lookup.experimental.DenseHashTable)


def kind_of(value: Any) -> str | None:
    """Return the kind of node of a value, as ``Node`` lists them, or None if it is opaque."""
    if isinstance(value, tf.Variable | keras.Variable):
        return "variable"
    for kind, container in CONTAINERS.items():
        if isinstance(value, container):
            return kind
    if isinstance(value, np.ndarray):
        return "array" if _is_saved_array(value) else None
    if isinstance(value, GENERATORS):
        return "random"
    if isinstance(value, TABLES):
        return "table"
    if is_frame(value):
        return "frame"
    return "object" if _is_object(value) else None


def is_frame(value: Any) -> bool:
    """Tell whether a value is a DataFrame of pandas, without an import of pandas.

    A DataFrame whose axes have names is not saved.
    """
    pandas = sys.modules.get("pandas")
    is_one = pandas is not None and type(value) is getattr(pandas, "DataFrame", None)
    return is_one and not any((*value.index.names, *value.columns.names))


@functools.cache
def traced_function_types() -> tuple[Any, ...]:
    """Return the types of what ``tf.function`` returns."""
    return (type(tf.function(lambda: None)),)


def is_in_python(cls: type) -> bool:
    """Tell whether a class is defined in a Python file, and not by an extension."""
    return str(getattr(sys.modules.get(cls.__module__), "__file__", "")).endswith(".py")


def _is_saved_array(array: np.ndarray) -> bool:
    if isinstance(array, np.memmap) and not array.flags.writeable:
        return False  # of a file that all trainings share: it does not change
    return array.dtype.kind in NUMBERS and type(array) in (np.ndarray, np.memmap)


def _is_object(value: Any) -> bool:
    """Tell whether the graph looks into an object: it is the user's own, or of Keras."""
    if isinstance(value, types.ModuleType):
        return is_of_user(value.__name__)
    if isinstance(value, type):
        return is_of_user(value.__module__)
    if isinstance(value, types.FunctionType):
        return is_of_user(value.__globals__.get("__name__", ""))
    if isinstance(value, types.MethodType):
        return _is_object(value.__self__)
    if isinstance(value, ALSO_OBJECTS):
        return True
    if isinstance(value, traced_function_types()):
        return _is_object(value.python_function)
    if isinstance(value, CACHED_FUNCTION):
        return _is_object(value.__wrapped__)
    is_known = isinstance(value, KERAS_CLASSES) or is_of_user(type(value).__module__)
    return is_known or _is_open(value.__class__)


@functools.cache
def _is_open(cls: Any) -> bool:
    """Tell whether objects of a foreign class keep all in attributes, none in an extension."""
    if not all(base is object or is_in_python(base) for base in cls.__mro__):
        return False
    return bool(cls.__dictoffset__) and cls.__module__.partition(".")[0] not in HARMLESS

"""The parts of one object: the content of a container, an array, a table or a frame; attributes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.training.state.leaf_values import ArrayForm, Form, random_state_form
from sweep.training.state.object_attributes import attributes, slots
from sweep.training.state.object_kinds import CONTAINERS
from sweep.training.state.ownership import is_of_user
from sweep.training.state.packing import NUMBERS, PLAIN
from sweep.training.state.random_state import generator_state

FormOf = Callable[[Any, str], Form]  # the form of a value that is found at a path
Part = tuple[str, str, Any]  # name, path, and a value or ``Content``


@dataclass(frozen=True)
class Content:
    """A part that is no object, such as the numbers of an array or a random state."""

    form: Form


def parts_of(thing: Any, kind: str, path: str, form_of: FormOf) -> Iterator[Part]:
    """Yield the parts of an object.

    Args:
        thing: the object.
        kind: its kind of node.
        path: its path in the graph.
        form_of: returns the form of a value that its content holds.
    """
    if kind == "object":
        yield from _named(attributes(thing), path)
        return
    content = CONTENT.get(kind)
    if content:
        yield "", path, Content(content(thing, path, form_of))
    if kind in CONTAINERS and is_of_user(type(thing).__module__):
        yield from _named([*getattr(thing, "__dict__", {}).items(), *slots(thing)], path)


def table_content(table: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys and the values of a table of TensorFlow, in any order."""
    keys, values = (np.asarray(tensor) for tensor in table.export())
    if not isinstance(table, tf.lookup.experimental.DenseHashTable):
        return keys, values
    empty, deleted = np.asarray(table._empty_key), np.asarray(table._deleted_key)  # noqa: SLF001
    by_bucket = keys.reshape(len(keys), -1)  # ``export`` includes the free ones
    is_empty = (by_bucket == empty.ravel()).all(axis=1)
    is_taken = ~(is_empty | (by_bucket == deleted.ravel()).all(axis=1))
    shape = table._value_shape  # noqa: SLF001 # no public name
    return keys[is_taken].reshape(-1, *empty.shape), values[is_taken].reshape(-1, *shape)


def _named(named_values: Any, path: str) -> Iterator[Part]:
    return ((name, f"{path}.{name}", value) for name, value in named_values)


def _forms(values: list[Any], path_of: Callable[[int], str], form_of: FormOf) -> list[Form]:
    """Return the forms of many values; plain ones, of which there may be millions, as they are."""
    if PLAIN.issuperset(map(type, values)):
        return values
    return [form_of(value, path_of(number)) for number, value in enumerate(values)]


def _dict_content(mapping: Any, path: str, form_of: FormOf) -> Form:
    keys, values = list(mapping), list(mapping.values())
    names = [key if type(key) in PLAIN else f"value {number}" for number, key in enumerate(keys)]
    content = {
        "keys": _forms(keys, lambda number: f"{path} key {number}", form_of),
        "values": _forms(values, lambda number: f"{path}[{names[number]!r}]", form_of),
    }
    factory = getattr(mapping, "default_factory", None)
    if factory:
        content["factory"] = form_of(factory, f"{path}.default")
    return content


def _items_content(items: Any, path: str, form_of: FormOf) -> Form:
    return {"items": _forms(list(items), lambda number: f"{path}[{number}]", form_of)}


def _deque_content(items: Any, path: str, form_of: FormOf) -> Form:
    return {**_items_content(items, path, form_of), "maxlen": items.maxlen}


def _table_content(table: Any, path: str, form_of: FormOf) -> Form:
    keys, values = table_content(table)
    order: Any = slice(None)
    if len(keys):
        order = np.argsort(keys.reshape(len(keys), -1)[:, 0], kind="stable")
    return [form_of(tf.constant(array[order]), path) for array in (keys, values)]


def _frame_content(frame: Any, path: str, form_of: FormOf) -> Form:
    """Return the content of a DataFrame of pandas."""

    def labels(values: Any, prefix: str) -> list[Form]:
        return _forms(list(values), lambda number: f"{prefix} {number}", form_of)

    def series(values: Any) -> Form:
        dtype = values.dtype
        if isinstance(dtype, np.dtype) and dtype.kind in NUMBERS:
            return ArrayForm.of(values.to_numpy())
        return {"items": labels(values, path), "dtype": str(dtype)}

    index = frame.index
    is_range = type(index).__name__ == "RangeIndex"
    return {
        "columns": labels(frame.columns, f"{path} column"),
        "index": form_of(range(index.start, index.stop, index.step), path)
        if is_range
        else series(index),
        "data": [series(frame.iloc[:, number]) for number in range(frame.shape[1])],
    }


# What reads the content of an object, by its kind of node; a variable is saved apart.
CONTENT: dict[str, Callable[[Any, str, FormOf], Form]] = {
    "list": _items_content,
    "set": _items_content,
    "deque": _deque_content,
    "dict": _dict_content,
    "array": lambda array, _, __: ArrayForm.of(array),
    "random": lambda generator, _, __: random_state_form(generator_state(generator)),
    "table": _table_content,
    "frame": _frame_content,
}

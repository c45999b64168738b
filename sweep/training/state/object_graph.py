"""The Python objects that a training reaches, and which parts of them have changed.

Keras saves its own lists of variables. Users keep state elsewhere: in attributes of models, losses and callbacks, in
closures, classes and module globals. A ``Graph`` finds all of it from a few roots, as a garbage collector would. Each
object is named by the path on which it was found first, so that the same object is found again in another process.
"""

import contextlib
import dis
import functools
import gc
import hashlib
import inspect
import io
import itertools
import operator
import pickle
import random
import sys
import threading
import types
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.models.functional import (
    Functional,
)  # no public name: what keras.Model(inputs, outputs) makes

from sweep.training.state.leaf_values import NOT_INLINE, ArrayForm, Form, Opaque, closed, inline
from sweep.training.state.ownership import (
    HARMLESS,
    is_harmless,
    is_of_user,
    is_written,
    name_of,
    user_modules,
)
from sweep.training.state.packing import NUMBERS, PLAIN

# What Keras itself sets on every callback: no state of the callback. Its own callbacks choose their ``monitor_op`` anew.
OF_CALLBACKS = {"_model", "params", "validation_data", "monitor_op"}
# What Keras and ``sweep.training.steps`` set on models while they train, by public names.
OF_MODELS = {
    *("built", "compiled", "history", "stop_training", "stop_evaluating", "stop_predicting"),
    *(
        "train_function",
        "test_function",
        "predict_function",
        "make_train_function",
        "make_test_function",
        "compile",
    ),
}
KERAS_CLASSES = (
    *(
        keras.Layer,
        keras.Metric,
        keras.Loss,
        keras.Optimizer,
        keras.optimizers.schedules.LearningRateSchedule,
    ),
    *(
        keras.Regularizer,
        keras.constraints.Constraint,
        keras.Initializer,
        keras.random.SeedGenerator,
    ),
    *(keras.callbacks.Callback, keras.utils.PyDataset),
)
CONTAINERS = {"list": list, "dict": dict, "set": set, "deque": deque}

CACHED = type(functools.cache(lambda: None))
OF_AUTOGRAPH = {
    "ag_dnc_wrapper__",
    "autograph_info__",
}  # what TensorFlow notes in functions that it has traced

MOVED = itertools.count(1)
STORE, EXTENDED = dis.opmap["STORE_ATTR"], dis.opmap["EXTENDED_ARG"]

# Looked into, too, though they are neither the user's own nor of Keras.
OBJECTS = (
    *(functools.partial, types.SimpleNamespace, threading.local),
    *(tf.Module, tf.random.Generator, tf.train.Checkpoint, tf.train.ExponentialMovingAverage),
)


@dataclass
class Node:
    """An object of a graph.

    ``kind`` is "object", "list", "dict", "set", "deque", "array", "random", "table", "frame" or "variable". The parts
    of an object are its attributes, cells or globals, by name. The content of anything else is the part named ""; a list or
    a dict of a class of the user's has attributes beside it.
    """

    path: str
    kind: str
    type: str
    thing: Any
    parts: dict[str, Form] = field(default_factory=dict)


class Graph:
    """All objects that can be reached from some roots.

    Args:
        roots: objects by their names.
        known: variables whose values are saved elsewhere, such as the weights of the model.
        identity: what tells an opaque value from another one, or from itself once it was changed.
    """

    def __init__(
        self,
        roots: dict[str, Any],
        known: list[Any],
        identity: Callable[[Any], object] | None = None,
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.aliases: dict[
            str, str
        ] = {}  # the other paths on which an object was found, and its own
        self._by_identity: dict[int, str] = {}
        self._identity = identity or _identity
        self._known = {id(underlying(variable)) for variable in known}
        self._waiting: deque[Node] = deque()
        for name, root in roots.items():
            self._form(root, name)
        while self._waiting:
            node = self._waiting.popleft()
            try:
                node.parts = {
                    part: self._form_of_part(value, path)
                    for part, path, value in _parts(node, self._form)
                }
            except Exception:  # noqa: BLE001 # objects of the user's may raise anything: named, no training ends for it
                node.parts = {
                    "": Opaque(node.type, next(MOVED), is_harmless=False, value=node.thing)
                }

    def find(self, path: str) -> Node | None:
        """Return the object that is at a path, also where it was found on another one first."""
        return self.nodes.get(self.aliases.get(path, path))

    def paths(self) -> dict[int, str]:
        """Return the paths of all objects by their identities."""
        return {id(underlying(node.thing)): path for path, node in self.nodes.items()}

    def variables(self) -> Iterator[Node]:
        """Yield the variables whose values are saved nowhere else."""
        for node in self.nodes.values():
            if node.kind == "variable" and id(underlying(node.thing)) not in self._known:
                yield node

    def _form_of_part(self, value: Any, path: str) -> Form:
        return value.form if isinstance(value, Content) else self._form(value, path)

    def _form(self, value: Any, path: str) -> Form:
        """Return a value as plain JSON; an object that can change is referred to by its path, and visited later."""
        form = inline(value)
        if form is not NOT_INLINE:
            return form
        if type(value) is tuple and PLAIN.issuperset(map(type, value)):
            return {"tuple": [*value]}
        if isinstance(value, tuple | frozenset):
            items = [self._form(item, f"{path}[{number}]") for number, item in enumerate(value)]
            name = (
                type(value).__name__ if type(value) in (tuple, frozenset) else name_of(type(value))
            )
            return (
                {name: items} if name in ("tuple", "frozenset") else {"tuple": items, "named": name}
            )
        kind = _kind_of(value)
        if kind is None:
            return Opaque(
                type(value).__qualname__, self._identity(value), is_harmless(value), value
            )
        thing = underlying(value) if kind == "variable" else value
        first = self._by_identity.setdefault(id(thing), path)
        if first != path:
            self.aliases[path] = first
        elif path not in self.nodes:
            self.nodes[path] = Node(path, kind, name_of(type(value)), value)
            self._waiting.append(self.nodes[path])
        return {"node": first}


@dataclass(frozen=True)
class Content:
    """A part that is no object: what an array or a random state holds."""

    form: Form


def _kind_of(value: Any) -> str | None:
    """Return the kind of node that an object is; None where it is opaque."""
    if isinstance(value, tf.Variable | keras.Variable):
        return "variable"
    for kind, container in CONTAINERS.items():
        if isinstance(value, container):
            return kind
    if isinstance(value, np.ndarray):
        if isinstance(value, np.memmap) and not value.flags.writeable:
            return None  # of a file that all trainings share: it does not change
        return (
            "array"
            if value.dtype.kind in NUMBERS and type(value) in (np.ndarray, np.memmap)
            else None
        )
    if isinstance(value, random.Random | np.random.Generator | np.random.RandomState):
        return "random"
    if isinstance(
        value, tf.lookup.experimental.MutableHashTable | tf.lookup.experimental.DenseHashTable
    ):
        return "table"
    if is_frame(value):
        return "frame"
    return "object" if _is_object(value) else None


def _is_object(value: Any) -> bool:
    """Tell whether the parts of an object are looked at: it is the user's own, or of Keras."""
    if isinstance(value, types.ModuleType | type):
        return is_of_user(
            value.__name__ if isinstance(value, types.ModuleType) else value.__module__
        )
    if isinstance(value, types.FunctionType):
        return is_of_user(value.__globals__.get("__name__", ""))
    if isinstance(value, types.MethodType):
        return _is_object(value.__self__)
    if isinstance(value, OBJECTS):
        return True
    if isinstance(value, _tf_functions()):
        return _is_object(value.python_function)
    if isinstance(value, CACHED):
        return _is_object(value.__wrapped__)
    return (
        isinstance(value, KERAS_CLASSES)
        or is_of_user(type(value).__module__)
        or _is_open(value.__class__)
    )


@functools.cache
def _is_open(cls: Any) -> bool:
    """Tell whether all that objects of a class of somebody else's hold is in their attributes: no extension has a part."""
    is_in_python = all(base is object or _is_in_python(base) for base in cls.__mro__)
    return (
        is_in_python
        and bool(cls.__dictoffset__)
        and cls.__module__.partition(".")[0] not in HARMLESS
    )


def _is_in_python(cls: type) -> bool:
    return str(getattr(sys.modules.get(cls.__module__), "__file__", "")).endswith(".py")


@functools.cache
def _tf_functions() -> tuple[Any, ...]:
    return (type(tf.function(lambda: None)),)


def _parts(node: Node, form: Callable[[Any, str], Form]) -> Iterator[tuple[str, str, Any]]:
    """Yield the parts of an object: name, path, and value or Content."""
    thing, path = node.thing, node.path
    if node.kind == "object":
        yield from ((name, f"{path}.{name}", value) for name, value in _attributes(thing))
    elif node.kind == "dict":
        keys, values = list(thing), list(thing.values())
        names = [
            key if type(key) in PLAIN else f"value {number}" for number, key in enumerate(keys)
        ]
        content = {
            "keys": _forms(keys, lambda number: f"{path} key {number}", form),
            "values": _forms(values, lambda number: f"{path}[{names[number]!r}]", form),
        }
        factory = getattr(thing, "default_factory", None)
        yield (
            "",
            path,
            Content(
                {**content, **({"factory": form(factory, f"{path}.default")} if factory else {})}
            ),
        )
    elif node.kind in CONTAINERS:
        items = _forms(list(thing), lambda number: f"{path}[{number}]", form)
        yield (
            "",
            path,
            Content({"items": items, **({"maxlen": thing.maxlen} if node.kind == "deque" else {})}),
        )
    elif node.kind == "frame":
        yield "", path, Content(_frame(thing, path, form))
    elif node.kind == "array":
        yield "", path, Content(ArrayForm.of(thing))
    elif node.kind == "random":
        yield "", path, Content(closed(random_state(thing)))
    elif node.kind == "table":
        inside, held = table_content(thing)
        order = (
            np.argsort(inside.reshape(len(inside), -1)[:, 0], kind="stable")
            if len(inside)
            else slice(None)
        )
        yield "", path, Content([form(tf.constant(part[order]), path) for part in (inside, held)])
    if node.kind in CONTAINERS and is_of_user(type(thing).__module__):
        attributes = [*getattr(thing, "__dict__", {}).items(), *_slots(thing)]
        yield from ((name, f"{path}.{name}", value) for name, value in attributes)


def _frame(frame: Any, path: str, form: Callable[[Any, str], Form]) -> Form:
    """Return what a DataFrame of pandas holds."""

    def of(values: Any) -> Form:
        dtype = values.dtype
        if isinstance(dtype, np.dtype) and dtype.kind in NUMBERS:
            return ArrayForm.of(values.to_numpy())
        return {
            "items": _forms(list(values), lambda number: f"{path} {number}", form),
            "dtype": str(dtype),
        }

    index = frame.index
    is_range = type(index).__name__ == "RangeIndex"
    return {
        "columns": _forms(list(frame.columns), lambda number: f"{path} column {number}", form),
        "index": form(range(index.start, index.stop, index.step), path) if is_range else of(index),
        "data": [of(frame.iloc[:, number]) for number in range(frame.shape[1])],
    }


def _forms(
    values: list[Any], path: Callable[[int], str], form: Callable[[Any, str], Form]
) -> list[Form]:
    """Return the forms of many values; plain ones, of which there may be millions, are what they are."""
    if PLAIN.issuperset(map(type, values)):
        return values
    return [form(value, path(number)) for number, value in enumerate(values)]


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object refers to, by name: attributes, what a function closes over, what a module or class has."""
    if isinstance(thing, types.FunctionType):
        yield "code", thing.__code__  # another function may have taken its place
        yield from function_cells(thing)
        yield from (
            (f"default {number}", value) for number, value in enumerate(thing.__defaults__ or ())
        )
        yield from (thing.__kwdefaults__ or {}).items()
        yield from (
            (name, value) for name, value in vars(thing).items() if name not in OF_AUTOGRAPH
        )
    elif isinstance(thing, types.MethodType):
        yield "self", thing.__self__
        yield "function", thing.__func__
    elif isinstance(thing, functools.partial):
        yield from (
            ("function", thing.func),
            ("arguments", thing.args),
            ("keywords", thing.keywords),
        )
    elif isinstance(thing, _tf_functions()):
        yield "function", thing.python_function
    elif isinstance(thing, CACHED):
        yield "function", thing.__wrapped__
        yield "cached()", _cached(thing)
    elif isinstance(thing, types.ModuleType):
        yield from (
            (name, value) for name, value in list(vars(thing).items()) if not name.startswith("__")
        )
    elif isinstance(thing, type):
        yield from (
            (name, _unwrapped(value))
            for name, value in list(vars(thing).items())
            if not name.startswith("__")
        )
    else:
        hidden = _hidden_names(thing.__class__)
        attributes = getattr(thing, "__dict__", {})
        yield from ((name, value) for name, value in list(attributes.items()) if name not in hidden)
        yield from _slots(thing)
        yield from _of_keras(thing)
        yield "class()", type(thing)


def function_cells(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, by the names of the variables."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"<{name}>", cell.cell_contents
        except ValueError:  # not yet assigned
            continue


def _cached(function: Any) -> tuple[Any, ...]:
    """Return what a function with a cache has kept that can change: no public name says so, the garbage collector does."""
    held = [one for one in gc.get_referents(function) if one is not vars(function)]
    if function.cache_parameters()["maxsize"] is None:
        held = [value for one in held if type(one) is dict for value in one.values()]
    return tuple(
        one
        for one in held
        if not isinstance(one, type | types.FunctionType) and not _is_cache(one) and _kind_of(one)
    )


def _is_cache(value: Any) -> bool:
    return type(value) is dict and any(
        type(one).__name__ == "_lru_list_elem" for one in value.values()
    )


def _unwrapped(value: Any) -> Any:
    """Return the function behind an attribute of a class: it may close over something, and have defaults that change."""
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    return value.__func__ if isinstance(value, staticmethod | classmethod) else value


def _slots(thing: Any) -> Iterator[tuple[str, Any]]:
    for name, slot in slots_of(thing.__class__).items():
        with contextlib.suppress(AttributeError):  # it has no value now
            yield name, slot.__get__(thing)


@functools.cache
def slots_of(cls: Any) -> dict[str, Any]:
    """Return the slots of a class by their names, which for private ones are not those in ``__slots__``."""
    theirs = [one for one in reversed(cls.__mro__) if _is_in_python(one)]
    members = {name: member for one in theirs for name, member in vars(one).items()}
    return {
        name: member
        for name, member in members.items()
        if isinstance(member, types.MemberDescriptorType)
    }


def _of_keras(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object of Keras refers to by names that are Keras's own. Users give such names to attributes, too."""
    if isinstance(thing, keras.Layer):
        yield "layers()", tuple(thing._layers)  # noqa: SLF001 # ``layers`` of a model leaves some out
        yield (
            "variables()",
            (*thing._trainable_variables, *thing._non_trainable_variables),  # noqa: SLF001 # not those of layers
        )  # not those of layers
    elif isinstance(thing, keras.Metric | keras.Optimizer):
        yield "variables()", tuple(thing.variables)
    if isinstance(thing, keras.Optimizer):
        yield "learning_rate()", thing._learning_rate  # noqa: SLF001 # a schedule, too
    if isinstance(thing, keras.Metric):
        yield (
            "metrics()",
            tuple(getattr(thing, "metrics", ())),
        )  # of the one that has all that ``compile`` was given
    if isinstance(thing, tf.train.ExponentialMovingAverage):
        yield "averages()", tuple(thing._averages.values())  # noqa: SLF001
    if isinstance(thing, tf.random.Generator):
        yield "state()", thing.state
    if isinstance(thing, keras.Model) and thing.compiled:
        yield "metrics()", tuple(thing.metrics)
        yield "loss_weights()", thing._compile_loss and thing._compile_loss._user_loss_weights  # noqa: SLF001


@functools.cache
def _hidden_names(cls: type) -> frozenset[str]:
    """Return the attributes of a class that are Keras's own, and no state of the user's."""
    if issubclass(cls, keras.callbacks.Callback):
        return frozenset(OF_CALLBACKS)
    if cls is tf.train.ExponentialMovingAverage:
        return frozenset(_stored_by(cls))
    if not issubclass(cls, (*KERAS_CLASSES, tf.Module, tf.random.Generator, tf.train.Checkpoint)):
        return frozenset()
    theirs = [
        one for one in cls.__mro__ if one.__module__.partition(".")[0] in ("keras", "tensorflow")
    ]
    of_models = OF_MODELS if issubclass(cls, keras.Model) else {"built"}
    return frozenset(
        of_models | {name for one in theirs for name in _stored_by(one) if name.startswith("_")}
    )


@functools.cache
def _stored_by(cls: type) -> frozenset[str]:
    """Return the names of the attributes that the methods of a class set."""
    found = set[str]()
    for member in vars(cls).values():
        function = inspect.unwrap(
            getattr(member, "fget", None) or getattr(member, "__func__", None) or member
        )
        for code in _codes(getattr(function, "__code__", None)):
            found.update(_stored_in(code))
    return frozenset(found)


def _stored_in(code: types.CodeType) -> Iterator[str]:
    """Yield the attributes that a code sets. ``dis.get_instructions`` takes ten times as long, in each training."""
    more = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        if operation == STORE:
            yield code.co_names[more | argument]
        more = (more | argument) << 8 if operation == EXTENDED else 0


def _codes(code: Any) -> Iterator[types.CodeType]:
    if isinstance(code, types.CodeType):
        yield code
        for constant in code.co_consts:
            yield from _codes(constant)


def table_content(table: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys and the values of a table of TensorFlow, in any order."""
    keys, values = (np.asarray(tensor) for tensor in table.export())
    if not isinstance(table, tf.lookup.experimental.DenseHashTable):
        return keys, values
    empty, deleted = (np.asarray(key) for key in (table._empty_key, table._deleted_key))  # noqa: SLF001
    by_bucket = keys.reshape(len(keys), -1)  # those that are free are exported, too
    is_taken = ~(
        (by_bucket == empty.ravel()).all(axis=1) | (by_bucket == deleted.ravel()).all(axis=1)
    )
    shape = table._value_shape  # noqa: SLF001 # no public name
    return keys[is_taken].reshape(-1, *empty.shape), values[is_taken].reshape(-1, *shape)


def is_frame(value: Any) -> bool:
    """Tell whether it is a DataFrame of pandas, which is not imported for it. One whose axes have names is not saved."""
    pandas = sys.modules.get("pandas")
    is_one = pandas is not None and type(value) is getattr(pandas, "DataFrame", None)
    return is_one and not any((*value.index.names, *value.columns.names))


def underlying(variable: Any) -> Any:
    """Return the variable of TensorFlow that holds the value of a variable of Keras."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def random_state(thing: Any) -> Any:
    """Return the state of a random number generator of Python or NumPy."""
    if isinstance(thing, random.Random):
        return thing.getstate()
    if isinstance(thing, np.random.Generator):
        return thing.bit_generator.state
    return thing.get_state()


def look_ahead() -> None:
    """Find out now what every training would find out anew: which modules and attributes are not the user's."""
    user_modules()
    for cls in (
        keras.Sequential,
        Functional,
        keras.optimizers.Adam,
        keras.metrics.Mean,
        keras.losses.MeanSquaredError,
    ):
        _hidden_names(cls)


def _identity(value: Any) -> object:
    """Return what tells an opaque value from another one, and from itself once it has changed."""
    if is_harmless(value):
        return id(value)
    return (
        (id(value), _position(value))
        if hasattr(value, "__next__") and not is_written(value)
        else _content(value)
    )


def _content(value: Any) -> object:
    """Return a digest of all that an object holds; one that cannot be pickled is told from others only."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        digest = hashlib.sha256(pickle.dumps(value, protocol=5, buffer_callback=buffers.append))
        for buffer in buffers:
            digest.update(buffer.raw())
    except Exception:  # noqa: BLE001 # objects of others may raise anything
        return id(value)
    return digest.digest()


def _position(iterator: Any) -> object:
    """Return where an iterator is; one that does not say so is taken to have moved."""
    if isinstance(iterator, itertools.count | itertools.repeat):
        return repr(iterator)
    if (
        isinstance(iterator, types.GeneratorType)
        and inspect.getgeneratorstate(iterator) == inspect.GEN_CREATED
    ):
        return inspect.GEN_CREATED
    if isinstance(iterator, io.IOBase) and not iterator.closed:
        with contextlib.suppress(
            OSError
        ):  # a text file does not tell where it is, once its lines are iterated over
            return iterator.tell()
    return (
        operator.length_hint(iterator, next(MOVED))
        if hasattr(iterator, "__length_hint__")
        else next(MOVED)
    )

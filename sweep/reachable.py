"""The Python objects that a training reaches, and which parts of them have changed.

Keras saves its own lists of variables. Users keep state elsewhere: in attributes of models, losses and callbacks, in
closures, classes and module globals. A ``Graph`` finds all of it from a few roots, as a garbage collector would. Each
object is named by the path on which it was found first, so that the same object is found again in another process.
"""

import contextlib
import dis
import enum
import functools
import hashlib
import inspect
import io
import itertools
import operator
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.opened import is_of_python

# What Keras itself sets on every callback: no state of the callback. Its own callbacks choose their ``monitor_op`` anew.
OF_CALLBACKS = {"_model", "params", "validation_data", "monitor_op"}
# What Keras and ``sweep.steps`` set on models and layers while they train, by public names.
OF_MODELS = {
    *("built", "compiled", "history", "stop_training", "stop_evaluating", "stop_predicting"),
    *("train_function", "test_function", "predict_function", "make_train_function", "make_test_function", "compile"),
}
KERAS_CLASSES = (
    *(keras.Layer, keras.Metric, keras.Loss, keras.Optimizer, keras.optimizers.schedules.LearningRateSchedule),
    *(keras.Regularizer, keras.constraints.Constraint, keras.Initializer, keras.random.SeedGenerator),
    *(keras.callbacks.Callback, keras.utils.PyDataset),
)
CONTAINERS = {"list": list, "dict": dict, "set": set, "deque": deque}
NUMBERS = "biufc"  # the kinds of NumPy types that HDF5 holds
INLINE_BYTES = 4096
# An array that is larger is looked at in samples: of so many bytes, so many. A whole look would take a second a gigabyte.
LARGE_BYTES, SAMPLED_BYTES, SAMPLE_BYTES = 2**26, 2**16, 2**12
# They only show or write, or cannot change: no training depends on them.
HARMLESS = {
    *("tqdm", "rich", "io", "_io", "logging", "threading", "_thread", "subprocess", "socket", "queue", "_queue"),
    *("concurrent", "multiprocessing", "matplotlib", "tensorboard", "wandb", "mlflow", "h5py", "tempfile", "csv", "_csv"),
    *("datetime", "time", "zoneinfo", "re", "weakref", "contextlib", "typing", "enum", "abc", "functools", "operator"),
    *("sweep", "keras", "tensorflow", "optuna", "logger", "pathlib", "uuid", "decimal", "fractions", "contextvars"),
}

MOVED = itertools.count(1)

Form = Any  # plain JSON, but for ``Opaque`` and the contents of arrays


@dataclass(frozen=True)
class Opaque:
    """A value that cannot be saved; in its process it is told from another one by its identity."""

    kind: str
    identity: object
    is_harmless: bool


@dataclass
class Node:
    """An object of a graph.

    ``kind`` is one of "object", "list", "dict", "set", "deque", "array", "random", "table" and "variable". The parts of an
    object are its attributes, cells or globals, by name; of anything else there is one part, its content, named "".
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

    def __init__(self, roots: dict[str, Any], known: list[Any], identity: Callable[[Any], object] | None = None) -> None:
        self.nodes: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}  # the other paths on which an object was found, and its own
        self._by_identity: dict[int, str] = {}
        self._identity = identity or _identity
        self._known = {id(underlying(variable)) for variable in known}
        self._waiting: deque[Node] = deque()
        for name, root in roots.items():
            self._form(root, name)
        while self._waiting:
            node = self._waiting.popleft()
            try:
                node.parts = {part: self._form_of_part(value, path) for part, path, value in _parts(node, self._form)}
            except Exception:  # noqa: BLE001 # objects of the user's may raise anything: named, no training ends for it
                node.parts = {"": Opaque(node.type, next(MOVED), is_harmless=False)}

    def find(self, path: str) -> Node | None:
        """Return the object that is at a path, also where it was found on another one first."""
        return self.nodes.get(self.aliases.get(path, path))

    def variables(self) -> Iterator[Node]:
        """Yield the variables whose values are saved nowhere else."""
        for node in self.nodes.values():
            if node.kind == "variable" and id(underlying(node.thing)) not in self._known:
                yield node

    def _form_of_part(self, value: Any, path: str) -> Form:
        return value.form if isinstance(value, Content) else self._form(value, path)

    def _form(self, value: Any, path: str) -> Form:
        """Return a value as plain JSON; an object that can change is referred to by its path, and visited later."""
        inline = _inline(value)
        if inline is not NOT_INLINE:
            return inline
        if isinstance(value, tuple | frozenset):
            items = [self._form(item, f"{path}[{number}]") for number, item in enumerate(value)]
            name = type(value).__name__ if type(value) in (tuple, frozenset) else _name_of(type(value))
            return {name: items} if name in ("tuple", "frozenset") else {"tuple": items, "named": name}
        kind = _kind_of(value)
        if kind is None:
            return Opaque(type(value).__qualname__, self._identity(value), is_harmless(value))
        thing = underlying(value) if kind == "variable" else value
        first = self._by_identity.setdefault(id(thing), path)
        if first != path:
            self.aliases[path] = first
        elif path not in self.nodes:
            self.nodes[path] = Node(path, kind, _name_of(type(value)), value)
            self._waiting.append(self.nodes[path])
        return {"node": first}


@dataclass(frozen=True)
class Content:
    """A part that is no object: what an array or a random state holds."""

    form: Form


NOT_INLINE = object()


def _inline(value: Any) -> Form:
    """Return what cannot change as plain JSON, or NOT_INLINE."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is bytes:
        return {"bytes": value.hex()}
    if type(value) is complex:
        return {"complex": [value.real, value.imag]}
    if type(value) is datetime:
        return {"datetime": value.isoformat()}
    if isinstance(value, PurePath):
        return {"path": str(value)}
    if isinstance(value, np.generic) and value.dtype.kind in NUMBERS:
        return {"scalar": [value.dtype.str, value.tobytes().hex()]}
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return _tensor(value)
    if isinstance(value, enum.Enum) and is_of_user(type(value).__module__):
        return {"enum": [_name_of(type(value)), value.name]}
    return NOT_INLINE


def _tensor(tensor: Any) -> Form:
    if tensor.dtype == tf.string:
        return {"strings": [[text.hex() for text in np.ravel(tensor.numpy())], tensor.shape.as_list()]}
    array = np.asarray(tensor)
    return {"tensor": ArrayForm.of(array)} if array.dtype.kind in NUMBERS else NOT_INLINE


def _closed(value: Any) -> Form:
    """Return a random state as a form: what it consists of belongs to nobody else."""
    if isinstance(value, dict):
        return {"mapping": {name: _closed(item) for name, item in value.items()}}
    if isinstance(value, tuple):
        return {"tuple": [_closed(item) for item in value]}
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
        digest = hashlib.sha256()
        for start in range(0, len(view), SAMPLED_BYTES if len(view) > LARGE_BYTES else LARGE_BYTES):
            digest.update(view[start : start + (SAMPLE_BYTES if len(view) > LARGE_BYTES else LARGE_BYTES)].data)
        return cls(array.dtype.str, array.shape, digest.digest(), array)


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
        return "array" if value.dtype.kind in NUMBERS else None
    if isinstance(value, random.Random | np.random.Generator | np.random.RandomState):
        return "random"
    if isinstance(value, tf.lookup.experimental.MutableHashTable | tf.lookup.experimental.DenseHashTable):
        return "table"
    return "object" if _is_object(value) else None


def _is_object(value: Any) -> bool:
    """Tell whether the parts of an object are looked at: it is the user's own, or of Keras."""
    if isinstance(value, types.ModuleType | type):
        return is_of_user(value.__name__ if isinstance(value, types.ModuleType) else value.__module__)
    if isinstance(value, types.FunctionType):
        return is_of_user(value.__globals__.get("__name__", ""))
    if isinstance(value, types.MethodType):
        return _is_object(value.__self__)
    if isinstance(value, functools.partial | tf.Module | tf.random.Generator | types.SimpleNamespace):
        return True
    if isinstance(value, _tf_functions()):
        return _is_object(value.python_function)
    return isinstance(value, KERAS_CLASSES) or is_of_user(type(value).__module__)


@functools.cache
def _tf_functions() -> tuple[Any, ...]:
    return (type(tf.function(lambda: None)),)


def _parts(node: Node, form: Callable[[Any, str], Form]) -> Iterator[tuple[str, str, Any]]:
    """Yield the parts of an object: name, path, and value or Content."""
    thing, path = node.thing, node.path
    if node.kind == "object":
        yield from ((name, f"{path}.{name}", value) for name, value in _attributes(thing))
    elif node.kind == "dict":
        pairs = [
            [form(key, f"{path} key {number}"), form(value, f"{path}[{key!r}]")]
            for number, (key, value) in enumerate(list(thing.items()))
        ]
        factory = getattr(thing, "default_factory", None)
        yield "", path, Content({"pairs": pairs, **({"factory": form(factory, f"{path}.default")} if factory else {})})
    elif node.kind in CONTAINERS:
        items = [form(item, f"{path}[{number}]") for number, item in enumerate(list(thing))]
        yield "", path, Content({"items": items, **({"maxlen": thing.maxlen} if node.kind == "deque" else {})})
    elif node.kind == "array":
        yield "", path, Content(ArrayForm.of(thing))
    elif node.kind == "random":
        yield "", path, Content(_closed(random_state(thing)))
    elif node.kind == "table":
        keys, values = table_content(thing)
        order = np.argsort(keys.reshape(len(keys), -1)[:, 0], kind="stable") if len(keys) else slice(None)
        yield "", path, Content([form(tf.constant(part[order]), path) for part in (keys, values)])


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object refers to, by name: attributes, what a function closes over, what a module or class has."""
    if isinstance(thing, types.FunctionType):
        yield "code", thing.__code__  # another function may have taken its place
        yield from function_cells(thing)
        yield from ((f"default {number}", value) for number, value in enumerate(thing.__defaults__ or ()))
        yield from (thing.__kwdefaults__ or {}).items()
        yield from vars(thing).items()
    elif isinstance(thing, types.MethodType):
        yield "self", thing.__self__
        yield "function", thing.__func__
    elif isinstance(thing, functools.partial):
        yield from (("function", thing.func), ("arguments", thing.args), ("keywords", thing.keywords))
    elif isinstance(thing, _tf_functions()):
        yield "function", thing.python_function
    elif isinstance(thing, types.ModuleType):
        yield from ((name, value) for name, value in list(vars(thing).items()) if not name.startswith("__"))
    elif isinstance(thing, type):
        yield from ((name, value) for name, value in list(vars(thing).items()) if _is_of_class(name, value))
    else:
        hidden = _hidden_names(thing.__class__)
        attributes = getattr(thing, "__dict__", {})
        yield from ((name, value) for name, value in list(attributes.items()) if name not in hidden)
        yield from _slots(thing)
        yield from _of_keras(thing)
        yield "class", type(thing)


def function_cells(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function closes over, by the names of the variables."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"<{name}>", cell.cell_contents
        except ValueError:  # not yet assigned
            continue


def _is_of_class(name: str, value: Any) -> bool:
    """Tell whether an attribute of a class is looked at: methods close over something, too."""
    return not name.startswith("__") and not isinstance(value, property | staticmethod | classmethod)


def _slots(thing: Any) -> Iterator[tuple[str, Any]]:
    for cls in type(thing).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                yield name, getattr(thing, name)


def _of_keras(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object of Keras refers to by names that are Keras's own."""
    if isinstance(thing, keras.Layer):
        yield "layers", tuple(thing._layers)  # noqa: SLF001 # ``layers`` of a model leaves some out
        yield "variables", (*thing._trainable_variables, *thing._non_trainable_variables)  # noqa: SLF001 # not those of layers
    elif isinstance(thing, keras.Metric | keras.Optimizer):
        yield "variables", tuple(thing.variables)
    if isinstance(thing, keras.Optimizer):
        yield "learning_rate", thing._learning_rate  # noqa: SLF001 # a schedule, too
    if isinstance(thing, keras.Metric):
        yield "metrics", tuple(getattr(thing, "metrics", ()))  # of the one that has all that ``compile`` was given
    if isinstance(thing, keras.Model) and thing.compiled:
        yield "metrics", tuple(thing.metrics)
        yield "loss_weights", thing._compile_loss and thing._compile_loss._user_loss_weights  # noqa: SLF001


@functools.cache
def _hidden_names(cls: type) -> frozenset[str]:
    """Return the attributes of a class that are Keras's own, and no state of the user's."""
    if issubclass(cls, keras.callbacks.Callback):
        return frozenset(OF_CALLBACKS)
    if not issubclass(cls, (*KERAS_CLASSES, tf.Module, tf.random.Generator)):
        return frozenset()
    theirs = [one for one in cls.__mro__ if one.__module__.partition(".")[0] in ("keras", "tensorflow")]
    return frozenset(OF_MODELS | {name for one in theirs for name in _stored_by(one) if name.startswith("_")})


@functools.cache
def _stored_by(cls: type) -> frozenset[str]:
    """Return the names of the attributes that the methods of a class set."""
    found = set[str]()
    for member in vars(cls).values():
        function = inspect.unwrap(getattr(member, "fget", None) or getattr(member, "__func__", None) or member)
        for code in _codes(getattr(function, "__code__", None)):
            found |= {one.argval for one in dis.get_instructions(code) if one.opname == "STORE_ATTR"}
    return frozenset(found)


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
    is_taken = ~((by_bucket == empty.ravel()).all(axis=1) | (by_bucket == deleted.ravel()).all(axis=1))
    return keys[is_taken].reshape(-1, *empty.shape), values[is_taken].reshape(-1, *table._value_shape)  # noqa: SLF001


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


@functools.cache
def is_of_user(module: str) -> bool:
    """Tell whether a module is the user's own code: not of Python, of an installed package, or of sweep."""
    if module.partition(".")[0] in {"builtins", "__main__", "__mp_main__", "sweep", *sys.stdlib_module_names}:
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not is_of_python(file)


def user_modules() -> dict[str, types.ModuleType]:
    """Return the modules of the user's own code that are imported, by name."""
    return {name: module for name, module in sorted(sys.modules.items()) if is_of_user(name)}


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _identity(value: Any) -> object:
    """Return what tells an opaque value from another one, and an iterator from itself after its next step."""
    return (id(value), _position(value)) if hasattr(value, "__next__") and not _is_written(value) else id(value)


def _position(iterator: Any) -> object:
    """Return where an iterator is; one that does not say so is taken to have moved."""
    if isinstance(iterator, itertools.count | itertools.repeat):
        return repr(iterator)
    if isinstance(iterator, types.GeneratorType) and inspect.getgeneratorstate(iterator) == inspect.GEN_CREATED:
        return inspect.GEN_CREATED
    if isinstance(iterator, io.IOBase) and not iterator.closed:
        with contextlib.suppress(OSError):  # a text file does not tell where it is, once its lines are iterated over
            return iterator.tell()
    return operator.length_hint(iterator, next(MOVED)) if hasattr(iterator, "__length_hint__") else next(MOVED)


def is_harmless(value: Any) -> bool:
    """Tell whether no training depends on what an opaque value holds."""
    if isinstance(value, type | types.ModuleType | types.FunctionType | types.BuiltinFunctionType | np.ufunc | np.dtype):
        return True
    if isinstance(value, np.memmap):
        return True
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return False
    package = type(value).__module__.partition(".")[0]
    is_read = hasattr(value, "__next__") and not _is_written(value)
    return package in HARMLESS and not (is_read and package in ("tensorflow", "keras", "io", "_io"))


def _is_written(value: Any) -> bool:
    """Tell whether it is a file that is only written."""
    return isinstance(value, io.IOBase) and (value.closed or not value.readable())

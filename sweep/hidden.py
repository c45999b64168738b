"""State that no file of Keras holds, saved and put back wherever the user's code keeps it.

What is saved are the parts of objects that differ from how the search space built them. What never changed is left as the
new process has built it: a path or a process id of the former session would be wrong there.
"""

import functools
import random
import sys
import types
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.reachable import (
    KERAS_CLASSES,
    NUMBERS,
    ArrayForm,
    Form,
    Graph,
    Node,
    Opaque,
    function_cells,
    is_of_user,
    table_content,
    underlying,
)

Arrays = dict[str, np.ndarray]

MISSING = object()
NOTHING: dict[str, Any] = {"objects": {}, "variables": [], "optimizers": {}}
# What ``sweep.structure`` puts back, and what follows from the rest.
STRUCTURE = {"class", "layers", "variables", "metrics", "loss_weights", "learning_rate"}
EMPTY = {"list": list, "dict": dict, "set": set, "collections.OrderedDict": OrderedDict, "collections.Counter": Counter}


class Lost(Exception):  # an answer within this module
    """Something cannot be put back."""


def capture(graph: Graph, built: Graph, arrays: Arrays) -> tuple[dict[str, Any], list[str]]:
    """Return what has changed since the search space built it, as plain JSON, and in words what cannot be saved.

    Args:
        graph: of now.
        built: of the beginning.
        arrays: are filled with the arrays that the JSON names.
    """
    objects, left_out = {}, list[str]()
    for path, node in graph.nodes.items():
        before = _same(built.nodes.get(path), node)
        parts = {name: form for name, form in node.parts.items() if _part(before, name) != form}
        gone = [name for name in before.parts if name not in node.parts] if before else []
        if parts or gone or not before:
            objects[path] = {
                "kind": node.kind,
                "type": node.type,
                "gone": gone,
                "parts": {name: _as_plain(form, arrays) for name, form in parts.items()},
            }
        left_out += [f"{_in_words(path, name)}, a {kind}" for name in parts for kind in _opaque_in(parts[name])]
    variables = [_as_saved(node.path, node.thing, arrays) for node in graph.variables()]
    return {"objects": objects, "variables": variables, "optimizers": _optimizers(graph)}, left_out


def save_variable(path: str, variable: Any, arrays: Arrays) -> dict[str, Any]:
    """Return a variable as plain JSON; its value goes into ``arrays``."""
    return _as_saved(path, variable, arrays)


def assign(variable: Any, saved: dict[str, Any], arrays: Arrays) -> str | None:
    """Give a variable the value that was saved; return why it is not that variable, or None."""
    found = {"shape": list(variable.shape), "dtype": _dtype(variable)}
    wanted = {name: saved[name] for name in found}
    if found != wanted:
        return f"{saved['path']} has {found} in place of {wanted}"
    underlying(variable).assign(_value(saved, arrays))
    return None


def build_optimizers(graph: Graph, saved: dict[str, Any]) -> None:
    """Let each optimizer make its variables for the weights for which it had made them."""
    for path, weights in saved["optimizers"].items():
        node, nodes = graph.find(path), [graph.find(weight) for weight in weights]
        if node and isinstance(node.thing, keras.Optimizer) and not node.thing.built and all(nodes):
            node.thing.build([found.thing for found in nodes if found])


# Parts of objects, by path and name, as they were.
Undone = list[tuple[str, str, Form]]


def undo(graph: Graph, built: Graph) -> Undone:
    """Bring all objects back to how the search space built them; return what ``redo`` is to be given."""
    restoration = _Restoration(graph, built, NOTHING, {})
    undone = [(path, name, graph.nodes[path].parts.get(name, MISSING)) for path, name, _ in restoration.undone()]
    restoration.run()
    return undone


def redo(graph: Graph, undone: Undone) -> None:
    """Take back an ``undo``; ``graph`` is the one that it was given."""
    _Restoration(graph, graph, NOTHING, {}).put_all(undone)


def restore(graph: Graph, built: Graph, saved: dict[str, Any], arrays: Arrays) -> list[str]:
    """Put back what ``capture`` saved, and undo what hooks have changed meanwhile; return in words what could not be.

    Args:
        graph: of now.
        built: of the beginning, in this process.
        saved: by ``capture``, in another process.
        arrays: that it names.
    """
    return _Restoration(graph, built, saved, arrays).run()


class _Restoration:
    def __init__(self, graph: Graph, built: Graph, saved: dict[str, Any], arrays: Arrays) -> None:
        self._graph, self._built, self._arrays = graph, built, arrays
        self._objects: dict[str, Any] = saved["objects"]
        self._variables = {one["path"]: one for one in saved["variables"]}
        self._made: dict[str, Any] = {}
        self._lost: list[str] = []

    def run(self) -> list[str]:
        for path, saved in self._variables.items():
            self._trying(path, "", lambda: self._put_variable(path, saved))  # noqa: B023 # called here
        self.put_all([*self.undone(), *self._wanted()])
        return self._lost

    def put_all(self, parts: Undone) -> None:
        for path, name, form in parts:
            self._trying(path, name, lambda: self._put(path, name, form))  # noqa: B023

    def _trying(self, path: str, name: str, work: Any) -> None:
        try:
            work()
        except Lost as lost:
            self._lost.append(f"{_in_words(path, name)}{f': {lost}' if str(lost) else ''}")
        except Exception as error:  # noqa: BLE001 # objects of the user's may refuse what they are given
            self._lost.append(f"{_in_words(path, name)}: {type(error).__name__}: {error}")

    def _wanted(self) -> Iterator[tuple[str, str, Form]]:
        for path, saved in self._objects.items():
            for name, form in saved["parts"].items():
                yield path, name, form
            for name in saved["gone"]:
                yield path, name, MISSING

    def undone(self) -> Iterator[tuple[str, str, Form]]:
        """Yield what hooks have changed in this process and had not in the other."""
        for path, node in self._graph.nodes.items():
            before, saved = _same(self._built.nodes.get(path), node), self._objects.get(path, {"parts": {}, "gone": []})
            for name in {**node.parts, **before.parts} if before else ():
                form = _part(before, name)
                changed = form != node.parts.get(name, MISSING)
                if (
                    changed
                    and name not in saved["parts"]
                    and name not in saved["gone"]
                    and not _is_opaque(node.parts.get(name))
                ):
                    yield path, name, form

    def _put_variable(self, path: str, saved: dict[str, Any]) -> None:
        node = self._graph.find(path)
        if node and node.kind == "variable":
            why = assign(node.thing, saved, self._arrays)
            if why:
                raise Lost(why)
        else:
            make = keras.Variable if saved["keras"] else tf.Variable
            how = {"trainable": saved["trainable"], "dtype": saved["dtype"], "name": saved["name"]}
            self._made[path] = make(_value(saved, self._arrays), **how)

    def _put(self, path: str, name: str, form: Form) -> None:
        thing = self._thing(path)
        kind = self._objects[path]["kind"] if path in self._objects else self._graph.nodes[path].kind
        if kind == "object":
            if name not in STRUCTURE:
                self._put_attribute(thing, name, form)
        elif kind == "dict":
            self._fill_dict(thing, form)
        elif kind in ("list", "set", "deque"):
            self._fill(thing, form["items"])
        elif kind == "array":
            thing[...] = self._python(form, None)
        elif kind == "random":
            _set_random_state(thing, self._python(form, None))
        elif kind == "table":
            keys, values = self._python(form, [None, None])
            there, _ = table_content(thing)
            if len(there):
                thing.remove(tf.constant(there))
            if len(keys):
                thing.insert(keys, values)

    def _put_attribute(self, thing: Any, name: str, form: Form) -> None:
        if _is_opaque(form):
            return  # it is named where it matters
        cells = dict(function_cells(thing)) if isinstance(thing, types.FunctionType) else {}
        current = cells.get(name, vars(thing).get(name) if hasattr(thing, "__dict__") else getattr(thing, name, None))
        if form is MISSING:
            vars(thing).pop(name, None) if not isinstance(thing, type) else delattr(thing, name)
            return
        value = self._python(form, current)
        if value is current:
            return
        if name.startswith("<"):
            where = [f"<{free}>" for free in thing.__code__.co_freevars].index(name)
            thing.__closure__[where].cell_contents = value
        elif isinstance(thing, type):
            setattr(thing, name, value)
        elif isinstance(thing, types.MethodType | functools.partial):
            raise Lost
        elif hasattr(thing, "__dict__"):
            vars(thing)[name] = value
        else:
            object.__setattr__(thing, name, value)

    def _fill(self, thing: Any, forms: list[Form]) -> None:
        current = list(thing)
        items = [self._python(form, current[number] if number < len(current) else None) for number, form in enumerate(forms)]
        if isinstance(thing, list):
            thing[:] = items
        else:
            thing.clear()
            (thing.update if isinstance(thing, set) else thing.extend)(items)

    def _fill_dict(self, thing: Any, form: Form) -> None:
        current, pairs = dict(thing), []
        for key_form, value_form in form["pairs"]:
            key = self._python(key_form, None)
            pairs.append((key, self._python(value_form, current.get(key))))
        thing.clear()
        for key, value in pairs:  # ``update`` of a Counter would count them
            thing[key] = value

    def _thing(self, path: str) -> Any:
        """Return the object that stands for one of the other process: the one at its path, or a new one."""
        if path in self._made:
            return self._made[path]
        wanted = self._objects.get(path)
        for node in (self._graph.find(path), self._built.find(path)):
            if node and (not wanted or (node.kind, node.type) == (wanted["kind"], wanted["type"])) and _fits(node, wanted):
                return node.thing
        if not wanted:
            raise Lost(f"there is no {path}")
        self._made[path] = _make(wanted, self._arrays)
        return self._made[path]

    def _python(self, form: Form, current: Any) -> Any:
        """Return the value of a form; what it cannot hold is taken from the value that is there now."""
        if isinstance(form, Opaque):
            return form.value
        if isinstance(form, ArrayForm):
            return _of_array_form(form)
        if isinstance(form, list):
            return [self._python(item, None) for item in form]
        if not isinstance(form, dict):
            return form
        kind = next(iter(form))
        if kind == "node":
            return self._thing(form["node"])
        if kind == "opaque":
            if type(current).__qualname__ != form["opaque"]:
                raise Lost(f"a {form['opaque']}")
            return current
        if kind == "mapping":
            return {name: self._python(item, None) for name, item in form["mapping"].items()}
        if kind in ("tuple", "frozenset"):
            return self._tuple(form, current)
        return _plain_value(form, self._arrays)

    def _tuple(self, form: Form, current: Any) -> Any:
        kind = next(iter(form))
        there = current if isinstance(current, tuple) and len(current) == len(form[kind]) else [None] * len(form[kind])
        items = [self._python(item, now) for item, now in zip(form[kind], there, strict=True)]
        if "named" in form:
            return _class_of_user(form["named"])(*items)
        return tuple(items) if kind == "tuple" else frozenset(items)


def _plain_value(form: dict[str, Any], arrays: Arrays) -> Any:
    kind, content = next(iter(form.items()))
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "complex":
        return complex(*content)
    if kind == "datetime":
        return datetime.fromisoformat(content)
    if kind == "path":
        return Path(content)
    if kind == "scalar":
        dtype, data = content
        return np.frombuffer(bytes.fromhex(data), np.dtype(dtype))[0]
    if kind == "enum":
        return _class_of_user(content[0])[content[1]]
    if kind == "array":
        return np.array(arrays[content])
    if kind == "tensor":
        value = content if isinstance(content, ArrayForm) else arrays[content["array"]]
        return tf.constant(_of_array_form(value) if isinstance(value, ArrayForm) else value)
    if kind == "strings":
        return tf.reshape(tf.constant([bytes.fromhex(text) for text in content[0]], tf.string), content[1])
    raise Lost(kind)


def _of_array_form(form: ArrayForm) -> np.ndarray:
    if form != ArrayForm.of(form.array):
        raise Lost("it was changed while the training was prepared")
    return form.array


def _make(wanted: dict[str, Any], arrays: Arrays) -> Any:
    """Return a new object that is filled later.

    Raises:
        Lost: objects of this type cannot be made.
    """
    kind, name = wanted["kind"], wanted["type"].removeprefix("builtins.")
    content = wanted["parts"].get("", {})
    if kind == "array":
        return np.array(arrays[content["array"]])
    if kind == "random":
        return _new_random(name)
    if kind == "deque":
        return deque(maxlen=content["maxlen"])
    if name in EMPTY:
        return EMPTY[name]()
    if name == "collections.defaultdict":
        raise Lost("a defaultdict that was made on the way")
    if kind in ("list", "dict", "set"):  # of Keras, which keeps track of what is put into it
        return EMPTY[kind]()
    cls = _class_of_user(wanted["type"])
    if issubclass(cls, (*KERAS_CLASSES, tf.Module)):
        raise Lost(f"a {cls.__qualname__} that was made on the way")
    return cls.__new__(cls)


def _new_random(name: str) -> Any:
    if name == "random.Random":
        return random.Random()  # as the user does
    if name.endswith("Generator"):
        return np.random.default_rng(0)
    return np.random.RandomState(0)


def _class_of_user(name: str) -> Any:
    """Return a class of the user's own code, by its full name; nothing is imported for it.

    Raises:
        Lost: there is none.
    """
    module, _, qualname = name.rpartition(".")
    while module and module not in sys.modules:
        module, _, outer = module.rpartition(".")
        qualname = f"{outer}.{qualname}"
    if not module or not is_of_user(module):
        raise Lost(f"a {name}")
    found: Any = sys.modules[module]
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise Lost(f"a {name}")
    return found


def _set_random_state(thing: Any, state: Any) -> None:
    if isinstance(thing, random.Random):
        thing.setstate(state)
    elif isinstance(thing, np.random.Generator):
        thing.bit_generator.state = state
    else:
        thing.set_state(state)


def _same(before: Node | None, node: Node) -> Node | None:
    return before if before and (before.kind, before.type) == (node.kind, node.type) else None


def _part(node: Node | None, name: str) -> Form:
    return node.parts.get(name, MISSING) if node else MISSING


def _fits(node: Node, wanted: dict[str, Any] | None) -> bool:
    """Tell whether an array, or a deque, can be filled in its place."""
    content = (wanted or {}).get("parts", {}).get("", {})
    if node.kind == "array" and content:
        array = node.thing
        return (array.dtype.str, list(array.shape)) == (content["dtype"], content["shape"]) and array.flags.writeable
    return not (node.kind == "deque" and content) or node.thing.maxlen == content["maxlen"]


def _as_plain(form: Form, arrays: Arrays) -> Any:
    if isinstance(form, Opaque):
        return {"opaque": form.kind}
    if isinstance(form, ArrayForm):
        name = _keep(form.array, arrays)
        return {"array": name, "dtype": form.dtype, "shape": list(form.shape)}
    if isinstance(form, list):
        return [_as_plain(item, arrays) for item in form]
    if isinstance(form, dict):
        return {name: _as_plain(item, arrays) for name, item in form.items()}
    return form


def _keep(array: np.ndarray, arrays: Arrays) -> str:
    name = str(len(arrays))
    arrays[name] = np.array(array)
    return name


def _as_saved(path: str, variable: Any, arrays: Arrays) -> dict[str, Any]:
    value = np.asarray(underlying(variable))
    is_number = value.dtype.kind in NUMBERS  # HDF5 knows no bfloat16: the bytes go in its place
    return {
        "path": path,
        "name": variable.name.partition(":")[0],
        "shape": list(variable.shape),
        "dtype": _dtype(variable),
        "trainable": bool(variable.trainable),
        "keras": isinstance(variable, keras.Variable),
        "array" if is_number else "bytes": _keep(value if is_number else _bytes_of(value), arrays),
    }


def _bytes_of(value: np.ndarray) -> np.ndarray:
    if value.dtype.kind in "OSU":
        raise Lost("a variable of strings")
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8)


def _value(saved: dict[str, Any], arrays: Arrays) -> np.ndarray:
    if "array" in saved:
        return arrays[saved["array"]]
    dtype = tf.as_dtype(saved["dtype"]).as_numpy_dtype
    value: np.ndarray = arrays[saved["bytes"]].view(dtype).reshape(saved["shape"])
    return value


def _dtype(variable: Any) -> str:
    return str(tf.as_dtype(underlying(variable).dtype).name)


def _optimizers(graph: Graph) -> dict[str, list[str]]:
    paths = {id(underlying(node.thing)): path for path, node in graph.nodes.items() if node.kind == "variable"}
    found = {}
    for path, node in graph.nodes.items():
        if isinstance(node.thing, keras.Optimizer) and node.thing.built:
            weights = [paths.get(id(underlying(weight))) for weight in node.thing._trainable_variables]  # noqa: SLF001
            if all(weights):
                found[path] = weights
    return found  # type: ignore[return-value] # no None


def _opaque_in(form: Form) -> Iterator[str]:
    """Yield the kinds of what cannot be saved in a form, and matters."""
    if isinstance(form, Opaque):
        if not form.is_harmless:
            yield form.kind
    elif isinstance(form, list | dict):
        for item in form.values() if isinstance(form, dict) else form:
            yield from _opaque_in(item)


def _is_opaque(form: Form) -> bool:
    return isinstance(form, Opaque) or (isinstance(form, dict) and "opaque" in form)


def _in_words(path: str, name: str) -> str:
    return f"{path}.{name}" if name else path

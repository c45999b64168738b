"""State that no file of Keras holds, saved and put back wherever the user's code keeps it.

What is saved are the parts of objects that differ from how the search space built them. What never changed is left as the
new process has built it: a path or a process id of the former session would be wrong there.
"""

import contextlib
import functools
import random
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.state.leaf_values import (
    ArrayForm,
    Form,
    Lost,
    Opaque,
    array_of,
    class_of_user,
    outer_names,
    plain_value,
)
from sweep.training.state.object_graph import (
    KERAS_CLASSES,
    Graph,
    Node,
    function_cells,
    slots_of,
    table_content,
    underlying,
)
from sweep.training.state.ownership import is_of_user
from sweep.training.state.packing import NUMBERS, PLAIN, StateArrays

MISSING = object()
NOTHING: dict[str, Any] = {"objects": {}, "variables": [], "optimizers": {}}
# What ``sweep.training.state.model_settings`` puts back, and what follows from the rest.
STRUCTURE = {
    *("class()", "layers()", "variables()", "metrics()", "loss_weights()", "learning_rate()"),
    *("averages()", "state()", "cached()"),
}
MANY = 1000  # numbers of a list, which stand in an array then
EMPTY = {
    "list": list,
    "dict": dict,
    "set": set,
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
}


def capture(graph: Graph, built: Graph, arrays: StateArrays) -> tuple[dict[str, Any], list[str]]:
    """Return what has changed since the search space built it, as plain JSON, and in words what cannot be saved.

    Args:
        graph: of now.
        built: of the beginning.
        arrays: are filled with the arrays that the JSON names.
    """
    objects, left_out, moves = {}, list[str](), Moves.between(built, graph)
    for path, node in graph.nodes.items():
        before = _same(built.nodes.get(moves.was.get(path, path)), node)
        parts = {
            name: form
            for name, form in node.parts.items()
            if _part(before, name) != form or moves.concern(form)
        }
        gone = [name for name in before.parts if name not in node.parts] if before else []
        if parts or gone or not before or path in moves.was or path in moves.taken:
            objects[path] = {
                "kind": node.kind,
                "type": node.type,
                "gone": gone,
                "parts": {name: _as_plain(form, arrays) for name, form in parts.items()},
                **moves.of(path),
            }
        left_out += [
            f"{_in_words(path, name)}, a {kind}"
            for name in parts
            for kind in _opaque_in(parts[name])
        ]
    variables = []
    for node in graph.variables():
        try:
            variables.append(save_variable(node.path, node.thing, arrays))
        except Exception as error:  # noqa: BLE001 # whatever TensorFlow has, no training ends for it
            left_out.append(f"{node.path}: {error}")
    return {
        "objects": objects,
        "variables": variables,
        "optimizers": _optimizers(graph, moves),
    }, left_out


@dataclass(frozen=True)
class Moves:
    """Which objects are now found elsewhere than where they were built.

    ``was`` has the paths where they were built, by their paths of now. At the paths in ``taken`` another object was built,
    which is still somewhere or was found on a path before: it cannot be filled in place of the one there is now.
    """

    was: dict[str, str]
    taken: set[str]

    @classmethod
    def between(cls, built: Graph, graph: Graph) -> "Moves":
        paths, there = built.paths(), graph.paths()
        was, taken = {}, set[str]()
        for identity, path in there.items():
            before = built.find(path)
            if paths.get(identity, path) != path:
                was[path] = paths[identity]
            if (
                before
                and identity != (of_before := id(underlying(before.thing)))
                and (of_before in there or before.path != path)
            ):
                taken.add(path)
        return cls(was, taken)

    def of(self, path: str) -> dict[str, Any]:
        """Return what is saved of this, for the object at a path."""
        if path in self.was:
            return {"was": self.was[path]}
        return {"is_new": True} if path in self.taken else {}

    def concern(self, form: Form) -> bool:
        """Tell whether a form refers to a path at which there is another object now."""
        if not self.taken:
            return False
        if isinstance(form, dict) and "node" in form:
            return form["node"] in self.taken
        inner = form.values() if isinstance(form, dict) else form if isinstance(form, list) else ()
        return any(map(self.concern, inner))


def save_variable(path: str, variable: Any, arrays: StateArrays) -> dict[str, Any]:
    """Return a variable as plain JSON; its value goes into ``arrays``."""
    value = np.asarray(underlying(variable).numpy())
    is_number = value.dtype.kind in NUMBERS  # HDF5 knows no bfloat16: the bytes go in its place
    return {
        "path": path,
        "name": variable.name.partition(":")[0],
        "shape": _shape(underlying(variable)),
        "value_shape": list(np.shape(value)),
        "dtype": _dtype(variable),
        "trainable": bool(variable.trainable),
        "keras": isinstance(variable, keras.Variable),
        **(
            {"strings": [text.hex() for text in np.ravel(value)]}
            if value.dtype.kind in "OSU"
            else {
                "array" if is_number else "bytes": _keep(
                    value if is_number else _bytes_of(value), arrays
                )
            }
        ),
    }


def assign(variable: Any, saved: dict[str, Any], arrays: StateArrays) -> str | None:
    """Give a variable the value that was saved; return why it is not that variable, or None."""
    found = {"shape": _shape(underlying(variable)), "dtype": _dtype(variable)}
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
    undone = [
        (path, name, graph.nodes[path].parts.get(name, MISSING))
        for path, name, _ in restoration.undone()
    ]
    restoration.run()
    return undone


def redo(graph: Graph, undone: Undone) -> None:
    """Take back an ``undo``; ``graph`` is the one that it was given."""
    _Restoration(graph, graph, NOTHING, {}).put_all(undone)


def restore(graph: Graph, built: Graph, saved: dict[str, Any], arrays: StateArrays) -> list[str]:
    """Put back what ``capture`` saved, and undo what hooks have changed meanwhile; return in words what could not be.

    Args:
        graph: of now.
        built: of the beginning, in this process.
        saved: by ``capture``, in another process.
        arrays: that it names.
    """
    return _Restoration(graph, built, saved, arrays).run()


class _Restoration:
    def __init__(
        self, graph: Graph, built: Graph, saved: dict[str, Any], arrays: StateArrays
    ) -> None:
        self._graph, self._built, self._arrays = graph, built, arrays
        self._objects: dict[str, Any] = saved["objects"]
        self._variables = {one["path"]: one for one in saved["variables"]}
        self._made: dict[str, Any] = {}
        self._is_held: set[str] = set()
        self._not_made: set[str] = set()
        self._just_not_made: set[str] = set()
        self._of_built = {id(underlying(node.thing)) for node in built.nodes.values()}
        self._lost: list[str] = []

    def run(self) -> list[str]:
        for path, saved in self._variables.items():
            self._trying(path, "", lambda: self._put_variable(path, saved))  # noqa: B023 # called here
        self.put_all([*self.undone(), *self._wanted()])
        nowhere = [path for path in self._made if path not in self._is_held]
        return [*self._lost, *(f"{path}: nothing refers to it" for path in nowhere)]

    def put_all(self, parts: Undone) -> None:
        for path, name, form in parts:
            self._trying(path, name, lambda: self._put(path, name, form))  # noqa: B023

    def _trying(self, path: str, name: str, work: Any) -> None:
        try:
            work()
        except Lost as lost:
            if not path.startswith(tuple(self._not_made)):  # said once
                self._lost.append(f"{_in_words(path, name)}{f': {lost}' if str(lost) else ''}")
            self._not_made |= self._just_not_made
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
            before, saved = (
                _same(self._built.nodes.get(path), node),
                self._objects.get(path, {"parts": {}, "gone": []}),
            )
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
        node = self._node(path)
        if node and node.kind == "variable":
            why = assign(node.thing, saved, self._arrays)
            if why:
                raise Lost(why)
        else:
            make = keras.Variable if saved["keras"] else tf.Variable
            how = {"trainable": saved["trainable"], "dtype": saved["dtype"], "name": saved["name"]}
            if not saved["keras"]:
                how["shape"] = tf.TensorShape(saved["shape"])
            self._made[path] = make(_value(saved, self._arrays), **how)

    def _put(self, path: str, name: str, form: Form) -> None:
        thing = self._thing(path)
        kind = (
            self._objects[path]["kind"] if path in self._objects else self._graph.nodes[path].kind
        )
        if kind == "object" or name:
            if name not in STRUCTURE:
                self._put_attribute(thing, name, form)
        elif kind == "dict":
            self._fill_dict(thing, form)
        elif kind in ("list", "set", "deque"):
            self._fill(thing, self._list(form["items"]))
        else:
            self._put_content(thing, kind, form)

    def _put_content(self, thing: Any, kind: str, form: Form) -> None:
        if kind == "array":
            thing[...] = self._python(form, None)
        elif kind == "random":
            _set_random_state(thing, self._python(form, None))
        elif kind == "frame":
            self._fill_frame(thing, form)
        elif kind == "table":
            self._fill_table(thing, form)

    def _put_attribute(self, thing: Any, name: str, form: Form) -> None:
        if _is_opaque(form):
            return  # it is named where it matters
        cells = dict(function_cells(thing)) if isinstance(thing, types.FunctionType) else {}
        slot = slots_of(thing.__class__).get(name)
        current = cells.get(name, _attribute(thing, name))
        if isinstance(current, property | staticmethod | classmethod):
            raise Lost
        if form is MISSING:
            if slot:
                slot.__delete__(thing)
            else:
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
        elif slot:
            slot.__set__(thing, value)
        else:
            vars(thing)[name] = value

    def _list(self, forms: Form) -> list[Form]:
        """Return the forms of many values, of which numbers may stand in an array."""
        if isinstance(forms, list):
            return forms
        numbers: list[Form] = self._arrays[forms["numbers"]["array"]].tolist()
        return numbers

    def _fill(self, thing: Any, forms: list[Form]) -> None:
        current = list(thing)
        items = [
            self._python(form, current[number] if number < len(current) else None)
            for number, form in enumerate(forms)
        ]
        if isinstance(thing, list):
            thing[:] = items
        else:
            thing.clear()
            (thing.update if isinstance(thing, set) else thing.extend)(items)

    def _fill_dict(self, thing: Any, form: Form) -> None:
        current, pairs = dict(thing), []
        for key_form, value_form in zip(
            self._list(form["keys"]), self._list(form["values"]), strict=True
        ):
            key = self._python(key_form, None)
            pairs.append((key, self._python(value_form, current.get(key))))
        thing.clear()
        for key, value in pairs:  # ``update`` of a Counter would count them
            thing[key] = value

    def _fill_table(self, thing: Any, form: Form) -> None:
        keys, values = self._python(form, [None, None])
        there, _ = table_content(thing)
        if len(there):
            thing.remove(tf.constant(there))
        if len(keys):
            thing.insert(keys, values)

    def _fill_frame(self, thing: Any, form: Form) -> None:
        def of(part: Form) -> Any:
            if isinstance(part, ArrayForm) or "items" not in part:
                return self._python(part, None)
            return pandas.Series(
                [self._python(item, None) for item in self._list(part["items"])],
                dtype=part["dtype"],
            )

        pandas = sys.modules["pandas"]
        frame = pandas.DataFrame({number: of(part) for number, part in enumerate(form["data"])})
        frame.index = pandas.Index(of(form["index"]))
        frame.columns = [self._python(name, None) for name in self._list(form["columns"])]
        thing._update_inplace(frame)  # noqa: SLF001 # else each column would keep its type

    def _thing(self, path: str) -> Any:
        """Return the object that stands for one of the other process: the one at its path, or a new one."""
        if path in self._made:
            return self._made[path]
        wanted, node = self._objects.get(path), self._node(path)
        if node:
            return node.thing
        if not wanted:
            raise Lost(f"there is no {path}")
        try:
            self._made[path] = self._make(wanted)
        except Lost:
            self._just_not_made.add(path)
            raise
        return self._made[path]

    def _node(self, path: str) -> Node | None:
        """Return the object of this process that stands for the one at a path in the other, or None."""
        wanted: dict[str, Any] = self._objects.get(path, {})
        for node in self._candidates(path, wanted):
            if node and (
                not wanted
                or (
                    (node.kind, node.type) == (wanted["kind"], wanted["type"])
                    and _fits(node, wanted)
                )
            ):
                return node
        return None

    def _candidates(self, path: str, wanted: dict[str, Any]) -> list[Node | None]:
        if "was" in wanted:
            return [self._built.find(wanted["was"])]
        node = self._graph.find(path)
        if "is_new" in wanted:  # and not one that has been built: that one stands for another
            return [node] if node and id(underlying(node.thing)) not in self._of_built else []
        return [node, self._built.find(path)]

    def _python(self, form: Form, current: Any) -> Any:
        """Return the value of a form; what it cannot hold is taken from the value that is there now."""
        if not isinstance(form, dict):
            return self._simple(form, current)
        kind = next(iter(form))
        if kind == "node":
            self._is_held.add(form["node"])
            return self._thing(form["node"])
        if kind == "opaque":
            if type(current).__qualname__ != form["opaque"]:
                raise Lost(f"a {form['opaque']}")
            return current
        if kind == "mapping":
            return {name: self._python(item, None) for name, item in form["mapping"].items()}
        if kind in ("tuple", "frozenset"):
            return self._tuple(form, current)
        return plain_value(form, self._arrays)

    def _simple(self, form: Form, current: Any) -> Any:
        if isinstance(form, Opaque):
            return form.value
        if isinstance(form, list):
            return [self._python(item, None) for item in form]
        return array_of(form) if isinstance(form, ArrayForm) else form

    def _tuple(self, form: Form, current: Any) -> Any:
        kind = next(iter(form))
        there = (
            current
            if isinstance(current, tuple) and len(current) == len(form[kind])
            else [None] * len(form[kind])
        )
        items = [self._python(item, now) for item, now in zip(form[kind], there, strict=True)]
        if "named" in form:
            return self._class(form["named"])(*items)
        return tuple(items) if kind == "tuple" else frozenset(items)

    def _make(self, wanted: dict[str, Any]) -> Any:
        """Return a new object that is filled later.

        Raises:
            Lost: objects of this type cannot be made.
        """
        kind, name = wanted["kind"], wanted["type"].removeprefix("builtins.")
        content = wanted["parts"].get("", {})
        if kind == "array":
            return np.array(self._arrays[content["array"]])
        if kind == "random":
            return _new_random(name)
        if kind == "frame":
            return sys.modules["pandas"].DataFrame()
        if name == "collections.deque":
            return deque(maxlen=content["maxlen"])
        if name in EMPTY:
            return EMPTY[name]()
        if name == "collections.defaultdict":
            return defaultdict(self._python(content.get("factory"), None))
        if kind in EMPTY and not self._is_class_of_user(
            wanted["type"]
        ):  # of Keras, which tracks what is put into it
            return EMPTY[kind]()
        cls = self._class(wanted["type"])
        if kind == "deque" or issubclass(cls, (*KERAS_CLASSES, tf.Module)):
            raise Lost(f"a {cls.__qualname__} that was made on the way")
        return cls.__new__(cls)

    def _is_class_of_user(self, name: str) -> bool:
        return any(is_of_user(module) for module in outer_names(name))

    def _class(self, name: str) -> Any:
        """Return a class of the user's own code, by its full name; nothing is imported for it.

        Raises:
            Lost: there is none.
        """
        with contextlib.suppress(Lost):
            return class_of_user(name)
        for node in (
            *self._graph.nodes.values(),
            *self._built.nodes.values(),
        ):  # one that a function defines
            for cls in (node.thing, type(node.thing)):
                if (
                    isinstance(cls, type)
                    and is_of_user(cls.__module__)
                    and f"{cls.__module__}.{cls.__qualname__}" == name
                ):
                    return cls
        raise Lost(f"a {name}")


def _attribute(thing: Any, name: str) -> Any:
    if name in slots_of(thing.__class__):
        with contextlib.suppress(AttributeError):  # it has no value now
            return slots_of(thing.__class__)[name].__get__(thing)
    return getattr(thing, "__dict__", {}).get(name)


def _new_random(name: str) -> Any:
    if name == "random.Random":
        return random.Random()  # as the user does
    if name.endswith("Generator"):
        return np.random.default_rng(0)
    return np.random.RandomState(0)


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
        return (array.dtype.str, list(array.shape)) == (
            content["dtype"],
            content["shape"],
        ) and array.flags.writeable
    return not (node.kind == "deque" and content) or node.thing.maxlen == content["maxlen"]


def _as_plain(form: Form, arrays: StateArrays) -> Any:
    if isinstance(form, Opaque):
        return {"opaque": form.kind}
    if isinstance(form, ArrayForm):
        name = _keep(form.array, arrays)
        return {"array": name, "dtype": form.dtype, "shape": list(form.shape)}
    if isinstance(form, list):
        if not PLAIN.issuperset(map(type, form)):
            return [_as_plain(item, arrays) for item in form]
        return _numbers(form, arrays) if len(form) > MANY else list(form)
    if isinstance(form, dict):
        return {name: _as_plain(item, arrays) for name, item in form.items()}
    return form


def _numbers(form: list[Any], arrays: StateArrays) -> Form:
    """Return many numbers of one type as an array, and anything else as it is."""
    if set(map(type, form)) in ({int}, {float}):
        with contextlib.suppress(OverflowError):
            return {
                "numbers": {
                    "array": _keep(
                        np.array(form, np.int64 if type(form[0]) is int else np.float64), arrays
                    )
                }
            }
    return list(form)


def _keep(array: np.ndarray, arrays: StateArrays) -> str:
    name = str(len(arrays))
    arrays[name] = np.array(array)
    return name


def _shape(variable: Any) -> list[int | None] | None:
    return None if variable.shape.rank is None else list(variable.shape)


def _bytes_of(value: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8)


def _value(saved: dict[str, Any], arrays: StateArrays) -> np.ndarray:
    if "strings" in saved:
        return np.array([bytes.fromhex(text) for text in saved["strings"]], object).reshape(
            saved["value_shape"]
        )
    if "array" in saved:
        return arrays[saved["array"]]
    dtype = tf.as_dtype(saved["dtype"]).as_numpy_dtype
    value: np.ndarray = arrays[saved["bytes"]].view(dtype).reshape(saved["value_shape"])
    return value


def _dtype(variable: Any) -> str:
    return str(tf.as_dtype(underlying(variable).dtype).name)


def _optimizers(graph: Graph, moves: Moves) -> dict[str, list[str]]:
    paths = {
        id(underlying(node.thing)): moves.was.get(path, path)
        for path, node in graph.nodes.items()
        if node.kind == "variable"
    }
    found = {}
    for path, node in graph.nodes.items():
        if isinstance(node.thing, keras.Optimizer) and node.thing.built:
            variables = node.thing._trainable_variables  # noqa: SLF001 # the order of its slots
            weights = [paths.get(id(underlying(variable))) for variable in variables]
            if all(weights):
                found[moves.was.get(path, path)] = weights
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

"""The objects of this process that stand for the saved ones: found by their paths, or made anew."""

import contextlib
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.training.state.keras_attributes import KERAS_CLASSES
from sweep.training.state.leaf_values import (
    ArrayForm,
    Form,
    NotRestorable,
    Opaque,
    enclosing_names,
    read_leaf,
    user_class,
)
from sweep.training.state.object_graph import Graph, Node
from sweep.training.state.ownership import is_of_user
from sweep.training.state.packing import Json, StateArrays
from sweep.training.state.random_state import new_generator
from sweep.training.state.variables import underlying

EMPTY: dict[str, type] = {
    "list": list,
    "dict": dict,
    "set": set,
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
}


class SavedObjects:
    """The objects that stand for the saved ones, and the values of saved forms.

    ``made`` are the objects that were made, by path; ``referred`` the paths that a value has
    referred to; ``unmade`` the paths of objects that could not be made.

    Args:
        graph: the present objects.
        built: the objects as the search space built them, in this process.
        objects: the saved ones, by path.
        arrays: the arrays that they refer to.
    """

    def __init__(self, graph: Graph, built: Graph, objects: Json, arrays: StateArrays) -> None:
        self.made: dict[str, Any] = {}
        self.referred = set[str]()
        self.unmade = set[str]()
        self._graph, self._built, self._objects, self._arrays = graph, built, objects, arrays
        self._ids_built = {id(underlying(node.thing)) for node in built.nodes.values()}

    def thing(self, path: str) -> Any:
        """Return the object that stands for the saved one of a path, made anew if there is none.

        Raises:
            NotRestorable: objects of its type cannot be made.
        """
        if path in self.made:
            return self.made[path]
        saved, node = self._objects.get(path), self.node(path)
        if node:
            return node.thing
        if not saved:
            raise NotRestorable(f"there is no {path}")
        try:
            self.made[path] = self._make(saved)
        except NotRestorable:
            self.unmade.add(path)
            raise
        return self.made[path]

    def node(self, path: str) -> Node | None:
        """Return the existing object that stands for the saved one of a path, or None."""
        saved: Json = self._objects.get(path, {})
        for node in self._candidates(path, saved):
            if node and (not saved or _fits(node, saved)):
                return node
        return None

    def value(self, form: Form, current: Any) -> Any:
        """Return the value of a form; what cannot be saved is taken from the current value.

        Raises:
            NotRestorable: this process has no such value.
        """
        if isinstance(form, Opaque):
            return form.value
        if isinstance(form, ArrayForm):
            return form.unchanged()
        if isinstance(form, list):
            return [self.value(item, None) for item in form]
        if not isinstance(form, dict):
            return form
        kind = next(iter(form))
        if kind == "node":
            self.referred.add(form["node"])
            return self.thing(form["node"])
        if kind == "opaque":
            if type(current).__qualname__ != form["opaque"]:
                raise NotRestorable(f"a {form['opaque']}")
            return current
        if kind == "mapping":
            return {name: self.value(item, None) for name, item in form["mapping"].items()}
        if kind in ("tuple", "frozenset"):
            return self._sequence(form, current)
        return read_leaf(form, self._arrays)

    def forms(self, saved: Form) -> list[Form]:
        """Return the forms of many values, whose numbers may have been saved as an array."""
        if isinstance(saved, list):
            return saved
        numbers: list[Form] = self._arrays[saved["numbers"]["array"]].tolist()
        return numbers

    def _candidates(self, path: str, saved: Json) -> list[Node | None]:
        if "was" in saved:
            return [self._built.find(saved["was"])]
        node = self._graph.find(path)
        if "is_new" in saved:  # an object that was built stands for another one
            return [node] if node and id(underlying(node.thing)) not in self._ids_built else []
        return [node, self._built.find(path)]

    def _sequence(self, form: Form, current: Any) -> Any:
        kind = next(iter(form))
        is_alike = isinstance(current, tuple) and len(current) == len(form[kind])
        currents = current if is_alike else [None] * len(form[kind])
        items = [self.value(item, now) for item, now in zip(form[kind], currents, strict=True)]
        if "named" in form:
            return self._class(form["named"])(*items)
        return tuple(items) if kind == "tuple" else frozenset(items)

    def _make(self, saved: Json) -> Any:
        """Return a new object, to be filled later.

        Raises:
            NotRestorable: objects of this type cannot be made.
        """
        kind, name = saved["kind"], saved["type"].removeprefix("builtins.")
        content = saved["parts"].get("", {})
        if kind == "array":
            return np.array(self._arrays[content["array"]])
        if kind == "random":
            return new_generator(name)
        if kind == "frame":
            return sys.modules["pandas"].DataFrame()
        if name == "collections.deque":
            return deque(maxlen=content["maxlen"])
        if name in EMPTY:
            return EMPTY[name]()
        if name == "collections.defaultdict":
            return defaultdict(self.value(content.get("factory"), None))
        # Keras has containers of its own, which track what is put into them.
        if kind in EMPTY and not any(map(is_of_user, enclosing_names(saved["type"]))):
            return EMPTY[kind]()
        cls = self._class(saved["type"])
        if kind == "deque" or issubclass(cls, (*KERAS_CLASSES, tf.Module)):
            raise NotRestorable(f"a {cls.__qualname__} that was made on the way")
        return cls.__new__(cls)

    def _class(self, name: str) -> Any:
        """Return a class of the user's own code by its full name; nothing is imported for it.

        Raises:
            NotRestorable: there is no such class.
        """
        with contextlib.suppress(NotRestorable):
            return user_class(name)
        # A function may have defined it: then an object in the graph is of this class.
        for node in (*self._graph.nodes.values(), *self._built.nodes.values()):
            for cls in (node.thing, type(node.thing)):
                is_of_users = isinstance(cls, type) and is_of_user(cls.__module__)
                if is_of_users and f"{cls.__module__}.{cls.__qualname__}" == name:
                    return cls
        raise NotRestorable(f"a {name}")


def _fits(node: Node, saved: Json) -> bool:
    """Tell whether an object can be filled with the content of the saved one."""
    if (node.kind, node.type) != (saved["kind"], saved["type"]):
        return False
    content = saved.get("parts", {}).get("", {})
    if node.kind == "array" and content:
        array = node.thing
        is_alike = (array.dtype.str, list(array.shape)) == (content["dtype"], content["shape"])
        return is_alike and bool(array.flags.writeable)
    return not (node.kind == "deque" and content) or node.thing.maxlen == content["maxlen"]

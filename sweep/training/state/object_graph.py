"""The Python objects that a training reaches, with the parts of each.

Keras saves its own lists of variables. Users keep state elsewhere: in attributes of models, losses
and callbacks, in closures, classes and module globals. A ``Graph`` walks all of it from a few
roots, as a garbage collector would. Each object is named by the path on which it was found first,
so that the same object is found again in another process.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sweep.training.state.leaf_values import NOT_A_LEAF, Form, Opaque, leaf_form
from sweep.training.state.object_kinds import kind_of
from sweep.training.state.object_parts import Content, parts_of
from sweep.training.state.opaque_values import new_identity, opaque_identity
from sweep.training.state.ownership import full_name, is_harmless
from sweep.training.state.packing import PLAIN
from sweep.training.state.variables import underlying


@dataclass
class Node:
    """An object of a graph.

    ``kind`` is "object", "list", "dict", "set", "deque", "array", "random", "table", "frame" or
    "variable". The parts of an object are its attributes, cells or globals, by name. The content of
    any other kind is the part named ""; a list or a dict of a class of the user's has attributes
    beside it.
    """

    path: str
    kind: str
    type: str
    thing: Any
    parts: dict[str, Form] = field(default_factory=dict)


class Graph:
    """All objects that can be reached from some roots.

    ``aliases`` maps the other paths on which an object was found to its own path.

    Args:
        roots: objects by their names.
        known: variables whose values are saved elsewhere, such as the weights of the model.
        identity: returns what tells an opaque value from another one, and from itself once it has
            changed.
    """

    def __init__(
        self,
        roots: dict[str, Any],
        known: list[Any],
        identity: Callable[[Any], object] | None = None,
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}
        self._path_by_id: dict[int, str] = {}
        self._identity = identity or opaque_identity
        self._known = {id(underlying(variable)) for variable in known}
        self._waiting: deque[Node] = deque()
        for name, root in roots.items():
            self._form(root, name)
        while self._waiting:
            self._visit(self._waiting.popleft())

    def find(self, path: str) -> Node | None:
        """Return the object at a path, even if it was found on another path first."""
        return self.nodes.get(self.aliases.get(path, path))

    def paths(self) -> dict[int, str]:
        """Return the paths of all objects, by their ids."""
        return {id(underlying(node.thing)): path for path, node in self.nodes.items()}

    def variables(self) -> Iterator[Node]:
        """Yield the variables whose values are saved nowhere else."""
        for node in self.nodes.values():
            if node.kind == "variable" and id(underlying(node.thing)) not in self._known:
                yield node

    def _visit(self, node: Node) -> None:
        try:
            node.parts = {
                name: value.form if isinstance(value, Content) else self._form(value, path)
                for name, path, value in parts_of(node.thing, node.kind, node.path, self._form)
            }
        except Exception:  # noqa: BLE001 # the user's objects may raise anything; they are named
            opaque = Opaque(node.type, next(new_identity), is_harmless=False, value=node.thing)
            node.parts = {"": opaque}

    def _form(self, value: Any, path: str) -> Form:
        """Return the form of a value; an object that can change is named, and visited later."""
        form = leaf_form(value)
        if form is not NOT_A_LEAF:
            return form
        if type(value) is tuple and PLAIN.issuperset(map(type, value)):
            return {"tuple": [*value]}
        if isinstance(value, tuple | frozenset):
            return self._sequence_form(value, path)
        kind = kind_of(value)
        if kind is None:
            name = type(value).__qualname__
            return Opaque(name, self._identity(value), is_harmless(value), value)
        return {"node": self._path_of(value, kind, path)}

    def _sequence_form(self, value: Any, path: str) -> Form:
        items = [self._form(item, f"{path}[{number}]") for number, item in enumerate(value)]
        if type(value) in (tuple, frozenset):
            return {type(value).__name__: items}
        return {"tuple": items, "named": full_name(type(value))}

    def _path_of(self, value: Any, kind: str, path: str) -> str:
        """Return the path on which an object was found first, which may be this one."""
        thing = underlying(value) if kind == "variable" else value
        first = self._path_by_id.setdefault(id(thing), path)
        if first != path:
            self.aliases[path] = first
        elif path not in self.nodes:
            self.nodes[path] = Node(path, kind, full_name(type(value)), value)
            self._waiting.append(self.nodes[path])
        return first

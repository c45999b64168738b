"""What has changed in the object graph since the search space built it, as plain JSON and arrays.

A part that never changed is not saved. The new process builds it anew: a path or a process id of
the former session would be wrong there.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from sweep.training.state.leaf_values import ArrayForm, Form, Opaque
from sweep.training.state.object_graph import Graph, Node
from sweep.training.state.packing import PLAIN, Json, StateArrays, keep_array
from sweep.training.state.variables import save_variable, underlying

MISSING: Form = object()  # the form of a part that an object does not have
MANY = 1000  # a longer list of numbers is saved as an array


@dataclass(frozen=True)
class Moves:
    """Which objects are now found on another path than the one on which they were built.

    Args:
        built_at: the paths on which they were built, by their present paths.
        taken: paths on which another object was built that still exists, or that was found on
            another path before. It must not be filled in place of the present object.
    """

    built_at: dict[str, str]
    taken: set[str]

    @classmethod
    def between(cls, built: Graph, graph: Graph) -> "Moves":
        paths_built, paths = built.paths(), graph.paths()
        built_at, taken = {}, set[str]()
        for identity, path in paths.items():
            before = built.find(path)
            if paths_built.get(identity, path) != path:
                built_at[path] = paths_built[identity]
            identity_before = id(underlying(before.thing)) if before else identity
            was_elsewhere = before is not None and before.path != path
            if identity != identity_before and (identity_before in paths or was_elsewhere):
                taken.add(path)
        return cls(built_at, taken)

    def of(self, path: str) -> Json:
        """Return what is saved of the move of the object at a path."""
        if path in self.built_at:
            return {"was": self.built_at[path]}
        return {"is_new": True} if path in self.taken else {}

    def concern(self, form: Form) -> bool:
        """Tell whether a form refers to a path on which another object was built."""
        if not self.taken:
            return False
        if isinstance(form, dict) and "node" in form:
            return form["node"] in self.taken
        inner = form.values() if isinstance(form, dict) else form if isinstance(form, list) else ()
        return any(map(self.concern, inner))


def capture_changes(graph: Graph, built: Graph, arrays: StateArrays) -> tuple[Json, list[str]]:
    """Return what has changed, as plain JSON, and in words what cannot be saved.

    Args:
        graph: the present objects.
        built: the objects as the search space built them.
        arrays: receives the arrays that the JSON refers to.
    """
    moves = Moves.between(built, graph)
    objects, left_out = _changed_objects(graph, built, moves, arrays)
    variables = []
    for node in graph.variables():
        try:
            variables.append(save_variable(node.path, node.thing, arrays))
        except Exception as error:  # noqa: BLE001 # no training ends for it
            left_out.append(f"{node.path}: {error}")
    optimizers = _optimizers(graph, moves)
    return {"objects": objects, "variables": variables, "optimizers": optimizers}, left_out


def same_object(before: Node | None, node: Node) -> Node | None:
    """Return the object built on a path, if it is of the same kind and type as another, or None."""
    return before if before and (before.kind, before.type) == (node.kind, node.type) else None


def part_of(node: Node | None, name: str) -> Form:
    """Return the form of a part, or MISSING."""
    return node.parts.get(name, MISSING) if node else MISSING


def in_words(path: str, name: str) -> str:
    """Return what a part of an object is called in a sentence."""
    return f"{path}.{name}" if name else path


def _changed_objects(
    graph: Graph, built: Graph, moves: Moves, arrays: StateArrays
) -> tuple[Json, list[str]]:
    objects, left_out = {}, list[str]()
    for path, node in graph.nodes.items():
        before = same_object(built.nodes.get(moves.built_at.get(path, path)), node)
        parts = {
            name: form
            for name, form in node.parts.items()
            if part_of(before, name) != form or moves.concern(form)
        }
        gone = [name for name in before.parts if name not in node.parts] if before else []
        if parts or gone or not before or moves.of(path):
            objects[path] = {
                "kind": node.kind,
                "type": node.type,
                "gone": gone,
                "parts": {name: _as_json(form, arrays) for name, form in parts.items()},
                **moves.of(path),
            }
        for name, form in parts.items():
            left_out += [f"{in_words(path, name)}, a {kind}" for kind in _opaque_kinds(form)]
    return objects, left_out


def _as_json(form: Form, arrays: StateArrays) -> Any:
    if isinstance(form, Opaque):
        return {"opaque": form.kind}
    if isinstance(form, ArrayForm):
        name = keep_array(form.array, arrays)
        return {"array": name, "dtype": form.dtype, "shape": list(form.shape)}
    if isinstance(form, list):
        if not PLAIN.issuperset(map(type, form)):
            return [_as_json(item, arrays) for item in form]
        return _numbers_as_json(form, arrays) if len(form) > MANY else list(form)
    if isinstance(form, dict):
        return {name: _as_json(item, arrays) for name, item in form.items()}
    return form


def _numbers_as_json(values: list[Any], arrays: StateArrays) -> Form:
    """Return many numbers of one type as an array, and other values as they are."""
    if set(map(type, values)) in ({int}, {float}):
        dtype = np.int64 if type(values[0]) is int else np.float64
        with contextlib.suppress(OverflowError):
            return {"numbers": {"array": keep_array(np.array(values, dtype), arrays)}}
    return list(values)


def _optimizers(graph: Graph, moves: Moves) -> dict[str, list[str]]:
    """Return the paths of the weights for which each built optimizer has variables."""
    paths = {
        id(underlying(node.thing)): moves.built_at.get(path, path)
        for path, node in graph.nodes.items()
        if node.kind == "variable"
    }
    weights_of: dict[str, list[str]] = {}
    for path, node in graph.nodes.items():
        if isinstance(node.thing, keras.Optimizer) and node.thing.built:
            variables = node.thing._trainable_variables  # noqa: SLF001 # the order of its slots
            weights = [paths.get(id(underlying(variable)), "") for variable in variables]
            if all(weights):
                weights_of[moves.built_at.get(path, path)] = weights
    return weights_of


def _opaque_kinds(form: Form) -> Iterator[str]:
    """Yield the kinds of the opaque values in a form that a training may depend on."""
    if isinstance(form, Opaque):
        if not form.is_harmless:
            yield form.kind
    elif isinstance(form, list | dict):
        for item in form.values() if isinstance(form, dict) else form:
            yield from _opaque_kinds(item)

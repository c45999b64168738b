"""Restore saved changes in the object graph of a new process, or return it to what was built."""

from collections.abc import Callable, Iterator

import keras

from sweep.training.state.changes import MISSING, in_words, part_of, same_object
from sweep.training.state.filling import fill_content, is_opaque, set_attribute
from sweep.training.state.leaf_values import Form, NotRestorable
from sweep.training.state.object_graph import Graph
from sweep.training.state.packing import Json, StateArrays
from sweep.training.state.saved_objects import SavedObjects
from sweep.training.state.variables import assign_saved, make_variable

NOTHING: Json = {"objects": {}, "variables": [], "optimizers": {}}

# Parts of objects, by path and name, as they were.
Undone = list[tuple[str, str, Form]]


def restore(graph: Graph, built: Graph, saved: Json, arrays: StateArrays) -> list[str]:
    """Restore what ``capture_changes`` saved, and undo what hooks have changed meanwhile.

    Args:
        graph: the present objects.
        built: the objects as the search space built them, in this process.
        saved: by ``capture_changes``, in another process.
        arrays: the arrays that it refers to.

    Returns:
        In words, what could not be restored.
    """
    return _Restoration(graph, built, saved, arrays).run()


def undo(graph: Graph, built: Graph) -> Undone:
    """Return all objects to what the search space built; return what ``redo`` takes."""
    restoration = _Restoration(graph, built, NOTHING, {})
    undone = [
        (path, name, part_of(graph.nodes[path], name)) for path, name, _ in restoration.undone()
    ]
    restoration.run()
    return undone


def redo(graph: Graph, undone: Undone) -> None:
    """Revert an ``undo``, which was given the same graph."""
    _Restoration(graph, graph, NOTHING, {}).put_all(undone)


def build_optimizers(graph: Graph, saved: Json) -> None:
    """Let each optimizer make its variables for the weights for which it had made them."""
    for path, weights in saved["optimizers"].items():
        node, nodes = graph.find(path), [graph.find(weight) for weight in weights]
        if node and isinstance(node.thing, keras.Optimizer) and not node.thing.built and all(nodes):
            node.thing.build([weight.thing for weight in nodes if weight])


class _Restoration:
    """One restoration; what fails is noted, and the rest is restored all the same."""

    def __init__(self, graph: Graph, built: Graph, saved: Json, arrays: StateArrays) -> None:
        self._graph, self._built, self._arrays = graph, built, arrays
        self._saved_objects: Json = saved["objects"]
        self._variables = {variable["path"]: variable for variable in saved["variables"]}
        self._objects = SavedObjects(graph, built, self._saved_objects, arrays)
        self._reported_unmade = set[str]()
        self._lost: list[str] = []

    def run(self) -> list[str]:
        for path, saved in self._variables.items():
            self._try(path, "", lambda: self._put_variable(path, saved))  # noqa: B023 # called here
        self.put_all([*self.undone(), *self._saved_parts()])
        unused = [path for path in self._objects.made if path not in self._objects.referred]
        return [*self._lost, *(f"{path}: nothing refers to it" for path in unused)]

    def put_all(self, parts: Undone) -> None:
        for path, name, form in parts:
            self._try(path, name, lambda: self._put(path, name, form))  # noqa: B023

    def undone(self) -> Iterator[tuple[str, str, Form]]:
        """Yield the parts that hooks have changed in this process and had not in the other."""
        nothing: Json = {"parts": {}, "gone": []}
        for path, node in self._graph.nodes.items():
            before = same_object(self._built.nodes.get(path), node)
            saved = self._saved_objects.get(path, nothing)
            for name in {**node.parts, **before.parts} if before else ():
                if name in saved["parts"] or name in saved["gone"]:
                    continue
                form = part_of(before, name)
                present = part_of(node, name)
                if form != present and not is_opaque(present):
                    yield path, name, form

    def _try(self, path: str, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except NotRestorable as error:
            if not path.startswith(tuple(self._reported_unmade)):  # said once
                reason = f": {error}" if str(error) else ""
                self._lost.append(f"{in_words(path, name)}{reason}")
            self._reported_unmade |= self._objects.unmade
        except Exception as error:  # noqa: BLE001 # the user's objects may refuse a value
            self._lost.append(f"{in_words(path, name)}: {type(error).__name__}: {error}")

    def _saved_parts(self) -> Iterator[tuple[str, str, Form]]:
        for path, saved in self._saved_objects.items():
            for name, form in saved["parts"].items():
                yield path, name, form
            for name in saved["gone"]:
                yield path, name, MISSING

    def _put_variable(self, path: str, saved: Json) -> None:
        node = self._objects.node(path)
        if not node or node.kind != "variable":
            self._objects.made[path] = make_variable(saved, self._arrays)
            return
        reason = assign_saved(node.thing, saved, self._arrays)
        if reason:
            raise NotRestorable(reason)

    def _put(self, path: str, name: str, form: Form) -> None:
        thing = self._objects.thing(path)
        saved = self._saved_objects.get(path)
        kind = saved["kind"] if saved else self._graph.nodes[path].kind
        if kind == "object" or name:
            set_attribute(thing, name, form, self._objects)
        else:
            fill_content(thing, kind, form, self._objects)

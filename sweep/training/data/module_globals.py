"""The globals that ``load_data`` sets, carried over to the trainings that do not call it.

Only plain values and arrays that belong to one global are carried over. All else is only noticed:
if more was changed, or may have been, each training calls ``load_data`` itself.
"""

import contextlib
import hashlib
import importlib
import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# No public names: the first numbers the layers without a name.
from keras.src.backend.common import global_state
from tensorflow.python.framework.config import is_op_determinism_enabled

from sweep.space.project import Module
from sweep.training.state.object_graph import Graph
from sweep.training.state.ownership import CODE, is_harmless, user_modules
from sweep.training.state.packing import NotPacked, StateArrays, pack, unpack
from sweep.training.state.random_state import random_states
from sweep.training.state.variables import underlying

LAYER_NAMES, MISSING = "object_name_uids", object()

# The globals that were set, packed, by module and name.
GlobalChanges = dict[str, dict[str, Any]]


class ModulesBefore:
    """What the user's modules hold before ``load_data``, and the settings of this process.

    Args:
        modules: those that ``load_data`` may import. They are imported here, so that their content
            when they are new is known.
    """

    def __init__(self, modules: tuple[Module, ...]) -> None:
        self._settings, drawn = _settings(), repr(random_states())
        for module in modules:
            # It may be a script, and the search space may never import it.
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(module.name)
        # A training that does not call ``load_data`` imports them later, or never.
        self._imports_do_more = self._settings != _settings() or drawn != repr(random_states())
        self._objects = sorted(keras.saving.get_custom_objects())
        self._graph = _graph()
        self._held = _held(self._graph)

    def changes(self, arrays: StateArrays) -> GlobalChanges | None:
        """Return the globals that were set since, or None if more was changed.

        A module that was imported since counts as more: its content when it was new is not known.

        Args:
            arrays: receives the arrays of the globals.
        """
        modules, graph = user_modules(), _graph()
        if self._imports_do_more or self._settings != _settings():
            return None
        if modules.keys() - self._graph.nodes.keys():
            return None
        if self._objects != sorted(keras.saving.get_custom_objects()):
            return None
        now = _held(graph)
        changed = {
            _global_of(modules, *part)
            for part in {**self._held, **now}
            if self._held.get(part, MISSING) != now.get(part, MISSING)
        }
        if any(
            {_global_of(modules, path), _global_of(modules, own)} & changed
            for path, own in graph.aliases.items()
        ):
            return None  # one object under two names would become two
        packed: GlobalChanges = {}
        try:
            for module, name in sorted(changed):
                packed.setdefault(module, {})[name] = pack(vars(modules[module])[name], arrays)
        except (KeyError, NotPacked):
            return None
        return packed


def set_globals(changes: GlobalChanges, arrays: StateArrays) -> None:
    """Set the globals that ``load_data`` has changed in another process."""
    for name, values in changes.items():
        module = sys.modules.get(name) or importlib.import_module(name)
        vars(module).update({key: unpack(packed, arrays) for key, packed in values.items()})


@contextlib.contextmanager
def keeping_layer_names() -> Iterator[None]:
    """Number the layers that are made meanwhile apart: the model's keep their names."""
    before = dict(global_state.get_global_attribute(LAYER_NAMES) or {})
    yield
    names = global_state.get_global_attribute(LAYER_NAMES)
    if names is not None:
        names.clear()
        names.update(before)


def _settings() -> Any:
    """Return the settings of this process that decide a training."""
    of_keras = (
        keras.config.floatx(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        keras.config.dtype_policy().name,
    )
    of_tensorflow = (
        tf.config.functions_run_eagerly(),
        tf.config.optimizer.get_jit(),
        is_op_determinism_enabled(),
    )
    return dict(os.environ), Path.cwd(), list(sys.path), np.geterr(), of_keras, of_tensorflow


def _graph() -> Graph:
    return Graph(dict(user_modules()), [], _identity)


def _held(graph: Graph) -> dict[tuple[str, str], Any]:
    """Return all that the objects of a graph hold, by path and part."""
    parts = {
        (path, name): form
        for path, node in graph.nodes.items()
        for name, form in node.parts.items()
    }
    values = {
        (node.path, "value"): _identity(np.asarray(underlying(node.thing)))
        for node in graph.variables()
    }
    return {**parts, **values}


def _identity(value: Any) -> object:
    """Return what tells an opaque value from another one, and from itself once it has changed."""
    if hasattr(value, "cache_info"):
        return id(value), value.cache_info()
    if is_harmless(value) or isinstance(value, (*CODE, CodeType)):
        return id(value)
    with contextlib.suppress(Exception):  # any object may be there, and not all can be pickled
        return hashlib.sha256(pickle.dumps(value)).digest()
    return object()  # equal to no other: it may have changed


def _global_of(modules: dict[str, Any], path: str, part: str = "") -> tuple[str, str]:
    """Return the module and the name of the global that an object of a graph belongs to."""
    if path in modules:
        return path, part
    module = max((name for name in modules if path.startswith(f"{name}.")), key=len)
    name = re.match(r"\w*", path.removeprefix(f"{module}."))
    return module, name.group() if name else ""

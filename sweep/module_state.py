"""What ``load_data`` leaves behind beside its data: the globals that it sets, for the trainings that do not call it.

Only what this file can carry over is: plain values and arrays. Of all else it tells whether it was changed, and where it
cannot tell, says that it was: such a training calls ``load_data`` itself.
"""

import contextlib
import hashlib
import importlib
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import keras
from keras.src.backend.common import global_state  # no public name: what layers without a name are numbered by

from sweep.project import Module
from sweep.reachable import user_modules
from sweep.state import Arrays, NotPacked, pack, unpack

NAMES = "object_name_uids"
DEEPEST = 6  # of attributes of attributes: what is deeper is taken for what it is at that place

# The globals that were set, packed, by module and name.
Changes = dict[str, dict[str, Any]]


class Before:
    """What the user's modules hold now, and the settings of this process."""

    def __init__(self) -> None:
        self._forms = {name: _forms(module) for name, module in user_modules().items()}
        self._settings = _settings()

    def changes(self, arrays: Arrays) -> Changes | None:
        """Return the globals that were set since, whose arrays go into ``arrays``; None where more than these was changed.

        A module that was imported since counts as more: nobody knows what it held when it was new.
        """
        modules = user_modules()
        if _settings() != self._settings or modules.keys() != self._forms.keys():
            return None
        found: Changes = {}
        values: list[Any] = []
        for name, module in modules.items():
            before, now = self._forms[name], _forms(module)
            were_set = [key for key in now if now[key] != before.get(key)]
            if before.keys() - now.keys():
                return None
            if were_set:
                values += [vars(module)[key] for key in were_set]
                found[name] = {key: vars(module)[key] for key in were_set}
        if _has_twice(values):
            return None  # one object under two names would become two
        try:
            return {name: {key: pack(value, arrays) for key, value in of_one.items()} for name, of_one in found.items()}
        except NotPacked:
            return None


def set_again(changes: Changes, arrays: Arrays) -> None:
    """Set the globals that another process has found changed."""
    for name, values in changes.items():
        module = sys.modules.get(name) or importlib.import_module(name)
        vars(module).update({key: unpack(packed, arrays) for key, packed in values.items()})


def import_helpers(modules: tuple[Module, ...]) -> None:
    """Import the user's modules, so that ``Before`` knows what they hold when they are new."""
    for module in modules:
        with contextlib.suppress(Exception):  # the search space has its own word on a module that does not import
            importlib.import_module(module.name)


@contextlib.contextmanager
def names_kept() -> Iterator[None]:
    """Let layers that are made meanwhile take no name from those of the model."""
    before = dict(global_state.get_global_attribute(NAMES) or {})
    yield
    names = global_state.get_global_attribute(NAMES)
    if names is not None:
        names.clear()
        names.update(before)


def _settings() -> Any:
    """Return what belongs to no module and decides a training all the same."""
    of_keras = (
        keras.config.floatx(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        keras.config.dtype_policy().name,
    )
    return dict(os.environ), Path.cwd(), of_keras, sorted(keras.saving.get_custom_objects())


def _has_twice(values: list[Any]) -> bool:
    objects = [id(value) for value in values if not isinstance(value, int | float | str | None)]
    return len(objects) > len(set(objects))


def _forms(module: ModuleType) -> dict[str, Any]:
    return {name: _form(value, module.__name__) for name, value in vars(module).items() if not name.startswith("__")}


def _form(value: Any, module: str, depth: int = 0) -> Any:
    """Return what is equal for a value that is seen twice in this process, as long as it is not changed between."""
    with contextlib.suppress(NotPacked):
        return _form_of_plain(value)
    if isinstance(value, ModuleType) or depth > DEEPEST:
        return id(value)
    inner: Any = None
    if isinstance(value, FunctionType | type):
        inner = _held_by(value) if value.__module__ == module else None
    elif isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inner = list(value)
    elif not hasattr(type(value), "__get__"):  # a property and the like is code
        with contextlib.suppress(Exception):  # any object may be there, and not all can be pickled
            return id(value), hashlib.sha256(pickle.dumps(value)).digest()
        if type(value).__module__ == module:
            inner = [*vars(value).values()]
        elif not depth:
            return object()  # equal to nothing: who knows
    return id(value), inner and [_form(one, module, depth + 1) for one in inner]


def _form_of_plain(value: Any) -> Any:
    arrays: Arrays = {}
    packed = repr(pack(value, arrays))
    return packed, [(array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).digest()) for array in arrays.values()]


def _held_by(code: Any) -> list[Any]:
    """Return the attributes of a class, or what a function holds on to beside its code."""
    if isinstance(code, type):
        return [value for name, value in vars(code).items() if not name.startswith("__")]
    held = [vars(code), code.__defaults__, code.__kwdefaults__]
    for cell in code.__closure__ or ():
        with contextlib.suppress(ValueError):  # it is empty
            held.append(cell.cell_contents)
    return held

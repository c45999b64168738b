"""The parameters that ``load_data`` gets, which note what it reads of them."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sweep.system.json_text import are_equal

# What was read of the parameters, as JSON: the ``values`` by name, the names that are ``absent``,
# and whether ``all`` names were looked at, so that none may be added. None is nothing.
Read = dict[str, Any]


class NotedParameters(dict[str, Any]):
    """A copy of the parameters of a training: nothing that is done to it changes them.

    A name is read by ``[]``, ``get``, ``in`` and what else takes one name. All names are read by
    whatever goes through them or counts them: a loop, ``**``, ``len``, a copy, a comparison.

    Args:
        parameters: of the training.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        super().__init__(copy.deepcopy(dict(parameters)))
        self._given, self._names, self._are_all = parameters, set[str](), False

    def read(self) -> Read | None:
        """Return what was read so far, with the values that were given; None for nothing."""
        if not (self._names or self._are_all):
            return None
        return _observed(self._given, self._names, self._are_all)

    def note(self, read: Read | None) -> None:
        """Count as read what another process has read of equal parameters."""
        if read:
            self._names.update(read["values"], read["absent"])
            self._are_all = self._are_all or read["all"]

    def note_name(self, name: str) -> None:
        """Count one name as read; what is no text names no parameter."""
        if isinstance(name, str):
            self._names.add(name)

    def note_all(self) -> None:
        """Count all names as read."""
        self._are_all = True

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def copy(self) -> dict[str, Any]:
        return dict(self)


def _noting(name: str, takes_a_name: bool) -> Callable[..., Any]:
    method = getattr(dict, name)

    def one(self: NotedParameters, key: str, *rest: Any) -> Any:
        self.note_name(key)
        return method(self, key, *rest)

    def every(self: NotedParameters, *rest: Any) -> Any:
        self.note_all()
        return method(self, *rest)

    return one if takes_a_name else every


# C code that copies a dict, as ``**`` does, calls these where a subclass has its own ``__iter__``.
for _name in ("__getitem__", "__contains__", "__delitem__", "get", "pop", "setdefault"):
    setattr(NotedParameters, _name, _noting(_name, takes_a_name=True))
for _name in (
    *("__iter__", "__len__", "__reversed__", "__repr__", "__eq__", "__ne__", "__or__", "__ror__"),
    *("keys", "values", "items", "popitem"),
):
    setattr(NotedParameters, _name, _noting(_name, takes_a_name=False))


def fits(read: Read | None, parameters: Mapping[str, Any]) -> bool:
    """Tell whether these parameters have what was read of others; JSON has tuples as lists."""
    return not read or are_equal(
        _observed(parameters, {*read["values"], *read["absent"]}, read["all"]), read
    )


def has_read(read: Read | None, name: str) -> bool:
    """Tell whether the value of a parameter was read."""
    return read is not None and name in read["values"]


def _observed(parameters: Mapping[str, Any], names: Iterable[str], are_all: bool) -> Read:
    names = sorted({*names, *(parameters if are_all else ())})
    return {
        "values": {name: parameters[name] for name in names if name in parameters},
        "absent": [name for name in names if name not in parameters],
        "all": are_all,
    }

"""What an object refers to by name: attributes, slots, and what a function closes over."""

import contextlib
import functools
import gc
import types
from collections.abc import Iterator
from typing import Any

from sweep.training.state.keras_attributes import hidden_names, keras_references
from sweep.training.state.object_kinds import (
    CACHED_FUNCTION,
    is_in_python,
    kind_of,
    traced_function_types,
)

# TensorFlow sets these on functions that it has traced.
AUTOGRAPH_ATTRIBUTES = {"ag_dnc_wrapper__", "autograph_info__"}
NamedValues = Iterator[tuple[str, Any]]


def attributes(thing: Any) -> NamedValues:
    """Yield what an object refers to, by name."""
    if isinstance(thing, types.FunctionType):
        yield from _function_attributes(thing)
    elif isinstance(thing, types.MethodType):
        yield "self", thing.__self__
        yield "function", thing.__func__
    elif isinstance(thing, functools.partial):
        yield "function", thing.func
        yield "arguments", thing.args
        yield "keywords", thing.keywords
    elif isinstance(thing, traced_function_types()):
        yield "function", thing.python_function
    elif isinstance(thing, CACHED_FUNCTION):
        yield "function", thing.__wrapped__
        yield "cached()", _cached_values(thing)
    elif isinstance(thing, types.ModuleType):
        yield from _public(thing)
    elif isinstance(thing, type):
        yield from ((name, _unwrapped(value)) for name, value in _public(thing))
    else:
        hidden = hidden_names(thing.__class__)
        own = list(getattr(thing, "__dict__", {}).items())
        yield from ((name, value) for name, value in own if name not in hidden)
        yield from slots(thing)
        yield from keras_references(thing)
        yield "class()", type(thing)


def function_cells(function: types.FunctionType) -> NamedValues:
    """Yield what a function closes over, by the names of the variables."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"<{name}>", cell.cell_contents
        except ValueError:  # not yet assigned
            continue


def slots(thing: Any) -> NamedValues:
    """Yield the values of an object's slots, by their names."""
    for name, slot in slots_of(thing.__class__).items():
        with contextlib.suppress(AttributeError):  # it has no value now
            yield name, slot.__get__(thing)


@functools.cache
def slots_of(cls: Any) -> dict[str, Any]:
    """Return the slots of a class by name; private names are not those in ``__slots__``."""
    bases = [base for base in reversed(cls.__mro__) if is_in_python(base)]
    members = {name: member for base in bases for name, member in vars(base).items()}
    return {
        name: member
        for name, member in members.items()
        if isinstance(member, types.MemberDescriptorType)
    }


def attribute(thing: Any, name: str) -> Any:
    """Return the value of an attribute or a slot, or None."""
    if name in slots_of(thing.__class__):
        with contextlib.suppress(AttributeError):  # it has no value now
            return slots_of(thing.__class__)[name].__get__(thing)
    return getattr(thing, "__dict__", {}).get(name)


def _function_attributes(function: types.FunctionType) -> NamedValues:
    yield "code", function.__code__  # another function may have taken its place
    yield from function_cells(function)
    for number, value in enumerate(function.__defaults__ or ()):
        yield f"default {number}", value
    yield from (function.__kwdefaults__ or {}).items()
    for name, value in vars(function).items():
        if name not in AUTOGRAPH_ATTRIBUTES:
            yield name, value


def _public(namespace: Any) -> NamedValues:
    """Yield what a module or a class defines, without the names that Python gives a meaning."""
    for name, value in list(vars(namespace).items()):
        if not name.startswith("__"):
            yield name, value


def _unwrapped(member: Any) -> Any:
    """Return the function behind a member of a class.

    It may close over something, and have defaults that change.
    """
    if isinstance(member, property):
        return member.fget, member.fset, member.fdel
    return member.__func__ if isinstance(member, staticmethod | classmethod) else member


def _cached_values(function: Any) -> tuple[Any, ...]:
    """Return the values in the cache of a function that can change.

    The garbage collector knows them; no public name does.
    """
    referents = [value for value in gc.get_referents(function) if value is not vars(function)]
    if function.cache_parameters()["maxsize"] is None:
        dicts = [value for value in referents if type(value) is dict]
        referents = [value for cache in dicts for value in cache.values()]
    return tuple(value for value in referents if _is_cached_value(value))


def _is_cached_value(value: Any) -> bool:
    is_code = isinstance(value, type | types.FunctionType)
    return not is_code and not _is_bounded_cache(value) and bool(kind_of(value))


def _is_bounded_cache(value: Any) -> bool:
    return type(value) is dict and any(
        type(link).__name__ == "_lru_list_elem" for link in value.values()
    )

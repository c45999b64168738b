"""From parameters to the name of their experience: ``id_experience``."""

import hashlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import rfc8785

from sweep.errors import SweepError

ID_DIGITS = 16
# How a value of a type, or of one that is derived from it, becomes exactly of that type.
AS_OWN: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
)
# How rfc8785 and Python refuse a value that JSON cannot hold.
NOT_JSON = (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError)


class NotJsonValue(SweepError):
    """A parameter has a value that JSON cannot hold."""


def id_experience(search_space: str, parameters: Mapping[str, Any]) -> str:
    """Return the 16 hexadecimal digits that name this training, the same on every machine for ever.

    They are the first digits of SHA-256 over the canonical JSON (RFC 8785) of ``[search_space,
    parameters]``: the order of the parameters does not count, and ``64`` and ``64.0`` are one
    number.

    Raises:
        NotJsonValue: a value is NaN, infinite, an integer beyond 2^53, or not plain JSON; the
            message names its parameter.
    """
    try:
        values = {_plain_name(name): python_value(value) for name, value in parameters.items()}
        canonical = rfc8785.dumps([search_space, values])
    except NOT_JSON:
        plain(parameters)  # says which parameter it is
        raise
    return hashlib.sha256(canonical).hexdigest()[:ID_DIGITS]


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as they are written, with NumPy's scalars as Python's own.

    ``1.0`` stays a float, and a tuple stays a tuple.

    Raises:
        NotJsonValue: as for ``id_experience``.
    """
    return {_plain_name(name): _plain_value(name, value) for name, value in parameters.items()}


def python_value(value: Any) -> Any:
    """Return a value, and all that is in it, as Python's own types, as far as it has any of them.

    NumPy's scalars and members of an enumeration become the number or the string that they are.
    """
    numpy = sys.modules.get("numpy")
    if numpy and isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, dict):
        return {python_value(name): python_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        items = [python_value(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, bool):
        return value
    for kind, as_own in AS_OWN:
        if isinstance(value, kind):
            return as_own(value)
    return value


def _plain_name(name: object) -> str:
    if not isinstance(name, str):
        raise NotJsonValue(
            f"The parameter {name!r} has a name that is not a string: write {str(name)!r}."
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise NotJsonValue(
            f"The parameter {name!r} has half a character in its name: write it whole."
        ) from error
    return name


def _plain_value(name: str, value: Any) -> Any:
    try:
        plain_value = python_value(value)
        rfc8785.dumps(plain_value)
    except rfc8785.FloatDomainError:
        problem = f"holds {value!r}, which JSON cannot hold: suggest a finite number"
    except rfc8785.IntegerDomainError:
        problem = f"holds {value!r}, an integer beyond 2^53: give it as a string"
    except NOT_JSON:
        kind = type(value).__name__
        plain_kinds = "None, bool, int, float, str, list, tuple and dict"
        problem = f"is {value!r} of type {kind}: use only {plain_kinds}"
    else:
        return plain_value
    raise NotJsonValue(f"The parameter {name!r} {problem}.")

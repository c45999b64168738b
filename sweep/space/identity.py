"""From parameters to the name of their experience: ``id_experience``."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785

from sweep.errors import SweepError

ID_DIGITS = 16


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
    canonical = rfc8785.dumps([search_space, plain(parameters)])
    return hashlib.sha256(canonical).hexdigest()[:ID_DIGITS]


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as JSON reads them back: a training gets these, also when it resumes.

    One id must be one training, so ``64.0`` becomes the ``64`` that has the same id, and a tuple
    becomes a list.

    Raises:
        NotJsonValue: as for ``id_experience``.
    """
    return {_plain_name(name): _plain_value(name, value) for name, value in parameters.items()}


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
        return json.loads(rfc8785.dumps(value), parse_int=_number)
    except rfc8785.FloatDomainError:
        problem = f"holds {value!r}, which JSON cannot hold: suggest a finite number"
    except rfc8785.IntegerDomainError:
        problem = f"holds {value!r}, an integer beyond 2^53: give it as a string"
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError):
        kind = type(value).__name__
        plain_kinds = "None, bool, int, float, str, list and dict"
        problem = f"is {value!r} of type {kind}: use only {plain_kinds}"
    raise NotJsonValue(f"The parameter {name!r} {problem}.")


def _number(digits: str) -> int | float:
    """Return 1e17, which canonical JSON writes without its exponent, as the float that it was."""
    number = int(digits)
    return number if abs(number) < 2**53 else float(digits)

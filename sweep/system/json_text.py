"""Read JSON files that may be torn, too large, too deep, or written by anybody.

Every file of sweep that holds JSON is read here, with a schema and with bounds.
"""

import errno
import json
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec import ValidationError, convert

MEBIBYTE = 2**20
MOST_BYTES = MEBIBYTE  # of a file whose reader names no other limit
MOST_VALUES = 1_000_000  # of a file; each takes up to 200 bytes of memory
MOST_DEEP = 200  # levels of lists and objects: Python's own functions recurse into them
TOO_DEEP = "too deep"
LAST_YEAR = 3000
CONTAINERS = (dict, list)  # a union type would be built anew at each use
# At the first use of a type, msgspec (0.22) caches its parts: two threads that do this at the same
# time crash the process.
_converting = threading.Lock()
T = TypeVar("T")


class Unreadable(ValueError):
    """A JSON text is torn, too large, too deep, or has another shape."""


class Time(datetime):
    """A time with a zone, in a year from 1970 on that dates can be computed with."""


def read(text: bytes, schema: type[T], most_bytes: int = MOST_BYTES) -> T:
    """Return the content of a JSON file, without the keys that only a newer version knows.

    Raises:
        Unreadable: it is torn, too large, too deep, or has another shape than ``schema``.
    """
    return check(parse(text, most_bytes), schema)


def check(content: Any, schema: type[T]) -> T:
    """Return the content as ``schema``.

    Raises:
        Unreadable: it has another shape, or a value is out of its bounds.
    """
    try:
        with _converting:
            return convert(content, schema, dec_hook=_as_time)
    except ValidationError as error:
        raise Unreadable(str(error)) from error


def parse(text: bytes, most_bytes: int = MOST_BYTES) -> Any:
    """Return the content of a JSON text, which may hold NaN and infinity.

    Raises:
        Unreadable: it is torn, too large, too deep, or holds half a character (a lone surrogate),
            which no file and no page can hold.
    """
    check_size(text, most_bytes)
    try:
        content = json.loads(text.decode())
        if re.search(rb"\\u[dD][89a-fA-F]", text):
            json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Unreadable(TOO_DEEP) from error
    except ValueError as error:
        raise Unreadable(str(error)) from error
    # Without so many brackets it cannot be, and there is no need to look.
    if text.count(b"[") + text.count(b"{") >= MOST_DEEP and _is_too_deep(content):
        raise Unreadable(TOO_DEEP)
    return content


def are_equal(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON text, in which NaN is equal to itself."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def check_size(text: bytes, most_bytes: int) -> None:
    """Check, before it is parsed, that a JSON text takes no more memory than any of ours.

    Raises:
        Unreadable: it takes more.
    """
    if len(text) > most_bytes:
        raise Unreadable(f"it has more than {most_bytes:,} bytes")
    # One of these characters stands before each value.
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise Unreadable(f"it may have more than {MOST_VALUES:,} values")


def check_for_reader(text: bytes, most_bytes: int, path: Path) -> None:
    """Check that a later reader of ``path`` will accept ``text``.

    Raises:
        OSError: the text is too large for it.
    """
    try:
        check_size(text, most_bytes)
    except Unreadable as error:
        raise OSError(errno.EFBIG, str(error), str(path)) from error


def _is_too_deep(content: Any) -> bool:
    level, depth = [content], 0
    while level and depth < MOST_DEEP:
        containers = [value for value in level if isinstance(value, CONTAINERS)]
        level = [value for container in containers for value in _values_of(container)]
        depth += 1
    return bool(level)


def _values_of(container: dict[str, Any] | list[Any]) -> Any:
    return container.values() if isinstance(container, dict) else container


def _as_time(kind: type, value: Any) -> Any:
    """Convert a value to ``Time``, the only type here that msgspec does not know."""
    time = Time.fromisoformat(value)
    if kind is not Time or time.tzinfo is None or not 1970 <= time.year < LAST_YEAR:
        raise ValueError(f"{value!r} is no time that dates can be computed with")
    return time

"""sweep.system.json_text."""

import errno
import json
import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec import ValidationError, convert

MEBIBYTE = 2**20
MOST_BYTES = MEBIBYTE  # of any other file
MOST_VALUES = 1_000_000  # of a file; each takes up to 200 bytes of memory
MOST_DEEP = 200  # levels of lists and objects; Python's own functions recurse into them
TOO_DEEP = "too deep"
LAST_YEAR = 3000
CONTAINERS = (dict, list)  # a union of them is built anew at each look
# At the first use of a type msgspec notes its parts. Where two threads do that at once, the process crashes (0.22).
_converting = threading.Lock()
T = TypeVar("T")


class Unreadable(ValueError):
    """A JSON text that is torn, too large, too deep, or of another shape."""


class Time(datetime):
    """A time with its zone, in a year that dates can be computed with."""


def read(text: bytes, schema: type[T], most_bytes: int = MOST_BYTES) -> T:
    """Return the content of a JSON file; what a newer version wrote besides is left out.

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
    """Return what a JSON text says, which may hold NaN and infinity.

    Raises:
        Unreadable: it is torn, too large, too deep, or holds half a character, which no file and no page can hold.
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
    if _is_too_deep(content):
        raise Unreadable(TOO_DEEP)
    return content


def check_size(text: bytes, most_bytes: int) -> None:
    """Raises Unreadable where a JSON text takes more memory than any of ours, before it is parsed."""
    if len(text) > most_bytes:
        raise Unreadable(f"it has more than {most_bytes:,} bytes")
    if (
        sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES
    ):  # one of them stands before each value
        raise Unreadable(f"it may have more than {MOST_VALUES:,} values")


def check_for_reader(text: bytes, most_bytes: int, path: Path) -> None:
    """Raises OSError where ``text`` is more than the reader of ``path`` takes."""
    try:
        check_size(text, most_bytes)
    except Unreadable as error:
        raise OSError(errno.EFBIG, str(error), str(path)) from error


def _is_too_deep(content: Any) -> bool:
    level = [content]
    for _ in range(MOST_DEEP):
        level = [inner for one in level if isinstance(one, CONTAINERS) for inner in _inside(one)]
    return bool(level)


def _inside(container: dict[str, Any] | list[Any]) -> Any:
    return container.values() if isinstance(container, dict) else container


def _as_time(kind: type, value: Any) -> Any:
    """Convert the one type that is none of msgspec's."""
    time = Time.fromisoformat(value)
    if kind is not Time or time.tzinfo is None or not 1970 <= time.year < LAST_YEAR:
        raise ValueError(f"{value!r} is no time that dates can be computed with")
    return time

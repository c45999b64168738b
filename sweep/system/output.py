"""Output for people that ends no work: where it cannot be written, for the disk is full or its reader gone, it is lost."""

import contextlib
import io
import os
from pathlib import Path
from typing import Any, TextIO


class _CalmFile(io.FileIO):
    """A descriptor that takes whatever is written."""

    def write(self, data: Any, /) -> int:
        whole = rest = memoryview(data).cast("B")
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[
                    super().write(rest) or len(rest) :
                ]  # None: a terminal that does not wait for its reader
        return len(whole)


def calm(stream: TextIO | None) -> TextIO:
    """Return a stream that writes where ``stream`` does, and raises no error where that fails.

    One that is none of Python's own, as a notebook's, is returned as it is. None, of a process that was started without it,
    leads nowhere.
    """
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return stream
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream.buffer, _CalmFile):
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    file: Any = _CalmFile(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        file, stream.encoding, stream.errors, line_buffering=True, write_through=True
    )


def occupy_streams() -> None:
    """Let the first three descriptors lead nowhere where the process was started without them.

    Else the next file that is opened gets the number of one, and what is said goes into it.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def say_at_once(text: bytes) -> None:
    """Write to stderr from a signal's handler, which may have come in the middle of another line."""
    with contextlib.suppress(OSError):
        os.write(2, text)

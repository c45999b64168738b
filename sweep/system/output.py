"""Output for people that ends no work.

Where it cannot be written, because the disk is full or its reader is gone, it is lost.
"""

import contextlib
import io
import os
from pathlib import Path
from typing import Any, TextIO


class _CalmFile(io.FileIO):
    """A descriptor that accepts everything that is written, and raises nothing."""

    def write(self, data: Any, /) -> int:
        whole = rest = memoryview(data).cast("B")
        with contextlib.suppress(OSError):
            while rest:  # a write is None on a terminal that does not wait for its reader
                rest = rest[super().write(rest) or len(rest) :]
        return len(whole)


def calm(stream: TextIO | None) -> TextIO:
    """Return a stream that writes where ``stream`` does, and raises no error where that fails.

    A stream that is not one of Python's own, such as a notebook's, is returned as it is. For None,
    in a process that was started without the stream, the output leads nowhere.
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
    """Open the first three descriptors on nothing where the process was started without them.

    Otherwise the next file that is opened gets the number of one, and messages go into that file.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def say_at_once(text: bytes) -> None:
    """Write to stderr from a signal handler, which may interrupt the writing of another line."""
    with contextlib.suppress(OSError):
        os.write(2, text)

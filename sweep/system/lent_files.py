"""Open files, lent to libraries that open files by their path only."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

IN_MEMORY = "/dev/shm"  # noqa: S108 # a folder of its own is made there, which is private


def way_to(descriptor: int, otherwise: Path) -> str:
    """Return a path that leads to an open file only; ``otherwise`` where /proc is missing."""
    way = f"/proc/self/fd/{descriptor}"
    return way if os.path.lexists(way) else str(otherwise)


@contextlib.contextmanager
def lent(file: BinaryIO, path: Path) -> Iterator[Path]:
    """Yield a path to an open file, with the last part of ``path``.

    Keras looks at the ending of a name, so this is a link in a private folder. That folder lies
    beside the file where there is no room for it in memory or in the system's temporary folder.
    """
    with _private_folder(path.parent) as folder:
        way = Path(folder, path.name)
        way.symlink_to(way_to(file.fileno(), path))
        yield way


def _private_folder(beside: Path) -> "tempfile.TemporaryDirectory[str]":
    for place in (IN_MEMORY, None):
        with contextlib.suppress(OSError):
            return tempfile.TemporaryDirectory(prefix="sweep-", dir=place)
    return tempfile.TemporaryDirectory(prefix=".sweep-", dir=beside)

"""The files that ``load_data`` opens: if the data have changed, the user learns which file has."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweep.system.host import cache_folder
from sweep.system.installed import is_of_python
from sweep.wording import printable

MOST_FILES = 100
MOST_NAMED = 3
LATEST_S = 2**34  # since 1970: some disks give times that no calendar has
CODE = (".py", ".pyc", ".so")
SYSTEM = ("/proc/", "/dev/", "/sys/")
# One file as a record has it: path (absolute), bytes, modified (UTC).
DataFile = dict[str, Any]

_paths: dict[str, None] | None = None  # the paths opened, in order; None while none are noted
_has_hook = False


@contextlib.contextmanager
def noting_opened_files() -> Iterator[list[str]]:
    """Yield a list that, at the end, holds the data files that Python has opened for reading.

    What libraries open by themselves, as TensorFlow and HDF5 do, is not noted.
    """
    global _paths, _has_hook  # a hook is for the whole process, and cannot be removed
    noted: list[str] = []
    if not _has_hook:
        sys.addaudithook(_on_event)
        _has_hook = True
    _paths = {}
    try:
        yield noted
    finally:
        paths, _paths = _paths, None
        noted += [path for path in paths if _is_data(path)]


def files_of(paths: list[str]) -> list[DataFile]:
    """Return the first of the files, with their sizes and when they were changed."""
    return [file for path in paths[:MOST_FILES] if (file := _file(path))]


def describe_changes(before: list[DataFile], now: list[DataFile]) -> str | None:
    """Return in words which files have changed, or None if no file has."""
    old, new = ({file["path"]: file for file in files} for files in (before, now))
    changes = [
        f"{_shown(path)} was changed on {new[path]['modified'][:16].replace('T', ' ')} UTC"
        for path in new
        if path in old and new[path] != old[path]
    ]
    changes += [
        f"{_shown(path)} is gone" for path in old if path not in new and not os.path.lexists(path)
    ]
    changes += [
        f"{_shown(path)} is new" for path in new if path not in old and len(before) < MOST_FILES
    ]
    more = [f"and {len(changes) - MOST_NAMED} more"] if len(changes) > MOST_NAMED else []
    return ", ".join(changes[:MOST_NAMED] + more) or None


def _on_event(event: str, words: tuple[Any, ...]) -> None:
    paths = _paths  # another thread may end the noting
    if paths is None or event != "open":
        return
    path, _, flags = words
    if isinstance(path, str | bytes) and (flags or 0) & os.O_ACCMODE == os.O_RDONLY:
        with contextlib.suppress(OSError):  # the folder that we are in may be gone
            # A Path takes ten times as long.
            paths[os.path.abspath(os.fsdecode(path))] = None  # noqa: PTH100


def _is_data(path: str) -> bool:
    """Tell by its name whether a file is data: there may be many, on a slow disk."""
    is_ours = path.startswith((*SYSTEM, f"{cache_folder().absolute()}{os.sep}"))
    return not (is_ours or path.endswith(CODE) or is_of_python(path))


def _file(path: str) -> DataFile | None:
    """Return a file, or None if it is gone already, or is no regular file."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    modified = datetime.fromtimestamp(min(max(status.st_mtime, 0), LATEST_S), UTC)
    return {
        "path": path.encode("utf-8", "backslashreplace").decode(),  # a name may be no text
        "bytes": status.st_size,
        "modified": modified.isoformat(timespec="microseconds"),
    }


def _shown(path: str) -> str:
    """Return a path as the user knows it: relative to their folder if it lies below."""
    with contextlib.suppress(ValueError):
        path = str(Path(path).relative_to(Path.cwd()))
    return printable(path)

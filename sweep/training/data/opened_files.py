"""The files that ``load_data`` opens, so that other data can be told by the file that has changed."""

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
LATEST_S = 2**34  # since 1970; some disks have times that no calendar has
CODE = (".py", ".pyc", ".so")
SYSTEM = ("/proc/", "/dev/", "/sys/")
# One file as a record has it: path (absolute), bytes, modified (UTC).
DataFile = dict[str, Any]

_paths: dict[str, None] | None = None  # those seen, in their order; None where nobody looks
_has_hook = False


@contextlib.contextmanager
def noting_opened_files() -> Iterator[list[str]]:
    """Give a list, which at the end has the paths of the data files that Python has opened for reading meanwhile.

    What libraries open by themselves, as TensorFlow and HDF5 do, is not seen.
    """
    global _paths, _has_hook  # Python takes a hook for the whole process, and never gives it back
    found: list[str] = []
    if not _has_hook:
        sys.addaudithook(_on_event)
        _has_hook = True
    _paths = {}
    try:
        yield found
    finally:
        paths, _paths = _paths, None
        found += [path for path in paths if _is_data(path)]


def files_of(paths: list[str]) -> list[DataFile]:
    """Return what recognises the first of the files again: their sizes, and when they were changed."""
    return [file for path in paths[:MOST_FILES] if (file := _file(path))]


def describe_changes(before: list[DataFile], now: list[DataFile]) -> str | None:
    """Return in words which files have changed; None where these files explain nothing."""
    old, new = ({file["path"]: file for file in files} for files in (before, now))
    found = [
        f"{_shown(path)} was changed on {new[path]['modified'][:16].replace('T', ' ')} UTC"
        for path in new
        if path in old and new[path] != old[path]
    ]
    found += [
        f"{_shown(path)} is gone" for path in old if path not in new and not os.path.lexists(path)
    ]
    found += [
        f"{_shown(path)} is new" for path in new if path not in old and len(before) < MOST_FILES
    ]
    more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return ", ".join(found[:MOST_NAMED] + more) or None


def _on_event(event: str, words: tuple[Any, ...]) -> None:
    paths = _paths  # another thread may end the noting
    if paths is None or event != "open":
        return
    path, _, flags = words
    if isinstance(path, str | bytes) and (flags or 0) & os.O_ACCMODE == os.O_RDONLY:
        with contextlib.suppress(OSError):  # the folder that we are in may be gone
            paths[os.path.abspath(os.fsdecode(path))] = None  # noqa: PTH100 # a Path takes ten times as long


def _is_data(path: str) -> bool:
    """Tell by the name: there may be many, on a disk that takes its time."""
    is_ours = path.startswith((*SYSTEM, f"{cache_folder().absolute()}{os.sep}"))
    return not (is_ours or path.endswith(CODE) or is_of_python(path))


def _file(path: str) -> DataFile | None:
    """Return None for what is gone already, or is no regular file."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    modified = datetime.fromtimestamp(min(max(found.st_mtime, 0), LATEST_S), UTC).isoformat(
        timespec="microseconds"
    )
    as_text = path.encode(
        "utf-8", "backslashreplace"
    ).decode()  # a name may be no text, and a record is
    return {"path": as_text, "bytes": found.st_size, "modified": modified}


def _shown(path: str) -> str:
    """Return the path as the user knows it: below the folder in which they are, from there."""
    with contextlib.suppress(ValueError):
        path = str(Path(path).relative_to(Path.cwd()))
    return printable(path)

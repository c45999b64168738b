"""The folder on this host's disk that keeps the data of a run while the run lasts.

A folder is in use while a process holds its lock. The kernel releases the locks of killed
processes, so that the next run finds the folders that they have left and removes them.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweep.system.host import cache_folder
from sweep.training.data import kept_data

# Two hosts may see one cache, but not each other's locks: what another host has left is removed
# after this time.
FORGOTTEN_S = 30 * 24 * 3600.0


class RunCache:
    """The folder of a run, held: nobody removes it before ``release`` or the end of this process.

    Args:
        run: what names the run of the sweep.

    Raises:
        OSError: the cache cannot be written, or is another user's: it holds pickles.
    """

    def __init__(self, run: str) -> None:
        self.run, self._keeps = run, True
        self.folder = folder_of(run)
        _prepare(self.folder.parent)
        _remove_abandoned(self.folder.parent)
        self._lock = _hold(self.folder.with_suffix(".lock"), fcntl.LOCK_SH)
        self.folder.mkdir(exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def loading_lock(self) -> Iterator[None]:
        """Let one thread of all processes load at a time: the others would load the same data."""
        descriptor = os.open(self.folder / "loading", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def is_settled(self, parameters: dict[str, Any]) -> bool:
        """Tell whether the data for these parameters are kept, or are known not to be kept."""
        return not self._keeps or kept_data.find(self.folder, parameters) is not None

    def note_loaded(self, parameters: dict[str, Any]) -> None:
        """Note that a process has loaded these data; if it could not say so, keep no others."""
        self._keeps = self.is_settled(parameters)

    def release(self) -> None:
        """Release the folder, and remove it if no other process holds it."""
        os.close(self._lock)
        with contextlib.suppress(OSError):
            _remove_if_abandoned(self.folder)


def folder_of(run: str) -> Path:
    """Return the folder of a run on this host; several hosts may see the cache."""
    return cache_folder() / "data" / f"{run}{_host_suffix()}"


def _host_suffix() -> str:
    return f"-{re.sub('[^A-Za-z0-9]', '-', socket.gethostname())}"


def _prepare(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    if cache.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "of another user", cache)


def _hold(lock: Path, operation: int) -> int:
    """Take a lock and return its descriptor; a lock that is removed meanwhile is made again.

    Raises:
        OSError: it cannot be made; BlockingIOError if another process holds it and ``operation``
            does not wait.
    """
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, operation)
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove_abandoned(cache: Path) -> None:
    """Remove what killed runs have left, and what older versions kept for longer than a run."""
    for name in {path.stem for path in cache.iterdir()}:
        with contextlib.suppress(OSError):
            _remove_if_abandoned(cache / name)


def _remove_if_abandoned(folder: Path) -> None:
    is_of_another_host = "-" in folder.name and not folder.name.endswith(_host_suffix())
    if (
        is_of_another_host
        and folder.exists()
        and time.time() - folder.stat().st_mtime < FORGOTTEN_S
    ):
        return
    lock = folder.with_suffix(".lock")
    descriptor = _hold(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)

"""The folder on this host's disk in which the data of a run lie while it lasts: made, held, and removed.

A folder is alive while somebody holds its lock. The kernel lets go of the locks of those that are killed, so that whoever
comes next finds out whose folders are dead.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweep.experience.schemas import DataIdentity
from sweep.system.files import write_whole
from sweep.system.host import cache_folder
from sweep.system.json_text import Unreadable, check, parse

DATA, ABOUT = "data.pkl", "about.json"
# After so long, what another host has left in a cache that both see is taken for dead; its locks may not be seen here.
FORGOTTEN_S = 30 * 24 * 3600.0


class RunCache:
    """The folder of a run, held: nobody removes it while this object, or its process, lives.

    Args:
        run: what names the run of the sweep.

    Raises:
        OSError: the cache cannot be written, or is another user's: what lies in it are pickles.
    """

    def __init__(self, run: str) -> None:
        self.run, self.was_tried = run, False
        self.folder = folder_of(run)
        _prepare(self.folder.parent)
        _remove_the_dead(self.folder.parent)
        self._lock = _hold(self.folder.with_suffix(".lock"), fcntl.LOCK_SH)
        self.folder.mkdir(exist_ok=True, mode=0o700)

    @contextlib.contextmanager
    def loading_lock(self) -> Iterator[None]:
        """Let one thread of all processes at a time go on: the others would load as much, for nothing."""
        descriptor = os.open(self.folder / "loading", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def is_published(self) -> bool:
        """Tell whether the data are there, or are known to be none that a disk keeps."""
        return self.was_tried or (self.folder / ABOUT).exists()

    def release(self) -> None:
        """Hold the folder no longer, and remove it where nobody else holds it."""
        os.close(self._lock)
        with contextlib.suppress(OSError):
            _remove_if_dead(self.folder)


def folder_of(run: str) -> Path:
    """Return the folder of a run on this host; a cache may be seen by several."""
    return cache_folder() / "data" / f"{run}{_of_this_host()}"


def publish(folder: Path, identity: dict[str, Any]) -> None:
    """Say what there is, once it is there. Nothing is synced: no run outlives a power cut.

    Raises:
        OSError: the disk is full or gone.
    """
    write_whole(folder / ABOUT, json.dumps(identity).encode(), sync=False)


def read_published(folder: Path) -> dict[str, Any]:
    """Return what ``settle`` was told; nothing where it was not."""
    try:
        content: dict[str, Any] = parse((folder / ABOUT).read_bytes())
        check(content, DataIdentity)
    except (OSError, Unreadable):  # also {}, which says that nothing is kept
        return {}
    return content


def _of_this_host() -> str:
    return f"-{re.sub('[^A-Za-z0-9]', '-', socket.gethostname())}"


def _prepare(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if place.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "of another user", place)


def _hold(lock: Path, how: int) -> int:
    """Return the descriptor of a lock that is held; one that is removed meanwhile is made again.

    Raises:
        OSError: it cannot be made; BlockingIOError where another holds it and is not to be waited for.
    """
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, how)
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove_the_dead(place: Path) -> None:
    """Remove what killed runs have left; also what was kept for longer than a run, before there were runs."""
    for name in {path.stem for path in place.iterdir()}:
        with contextlib.suppress(OSError):
            _remove_if_dead(place / name)


def _remove_if_dead(folder: Path) -> None:
    is_of_another = "-" in folder.name and not folder.name.endswith(_of_this_host())
    if is_of_another and folder.exists() and time.time() - folder.stat().st_mtime < FORGOTTEN_S:
        return
    lock = folder.with_suffix(".lock")
    descriptor = _hold(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)

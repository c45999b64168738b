"""Folders that many tests compare with and none changes, made once a session."""

import fcntl
import hashlib
import shutil


class Twins:
    """Makes folders once for all processes of ``pytest -n``.

    Args:
        folder: where they lie; the processes share it.
    """

    def __init__(self, folder):
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, name, make):
        """Return the folder of this name; the first call fills it by ``make(folder)``."""
        folder = self._folder / hashlib.sha256(name.encode()).hexdigest()[:16]
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.with_suffix(".made").exists():
                shutil.rmtree(folder, ignore_errors=True)  # left by a call that failed
                folder.mkdir()
                make(folder)
                folder.with_suffix(".made").touch()
        return folder

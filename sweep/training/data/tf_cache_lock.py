"""The lock file of ``tf.data``'s ``cache(file)``, which a killed process leaves behind.

TensorFlow refuses the cache as long as the lock exists, and asks the user to delete it. If no other
machine sees the disk, this machine can tell whether a process still writes the cache: the writer
has the file open.
"""

import os
import re
from pathlib import Path

import psutil

from sweep.system.host import is_local

LOCKED = re.compile(r"cache lockfile already exists \('(.+?)'\)")
SUFFIX = ".lockfile"


def lock_in(error: BaseException) -> Path | None:
    """Return the lock that an error of TensorFlow names, or None if it is another error."""
    match = LOCKED.search(str(error))
    return Path(match[1]) if match and match[1].endswith(SUFFIX) else None


def is_left_behind(lock: Path) -> bool:
    """Tell whether a lock is this user's, on a local disk, and no process writes its cache."""
    try:
        is_ours = lock.lstat().st_uid == os.getuid()
    except FileNotFoundError:
        return True
    if not (is_ours and is_local(lock)):
        return False
    cache = str(lock).removesuffix(SUFFIX)
    return not any(_writes(process, cache) for process in psutil.process_iter())


def remove(lock: Path) -> None:
    """Remove the lock, if it exists."""
    lock.unlink(missing_ok=True)


def _writes(process: psutil.Process, cache: str) -> bool:
    try:
        return any(file.path.startswith(f"{cache}.") for file in process.open_files())
    except psutil.Error:  # it has ended, or is another user's
        return False

"""The lock of ``tf.data``'s ``cache(file)``, which whoever is killed while the file is written leaves behind.

TensorFlow refuses the cache as long as the lock is there, and asks the user to delete it. Whether somebody still writes,
this machine can tell, where no other one sees the disk: the writer has the file open.
"""

import os
import re
from pathlib import Path

import psutil

from sweep.system.host import is_local

LOCKED = re.compile(r"cache lockfile already exists \('(.+?)'\)")
SUFFIX = ".lockfile"


def lock_in(error: BaseException) -> Path | None:
    """Return the lock that an error of TensorFlow names, or None where it is another error."""
    named = LOCKED.search(str(error))
    return Path(named[1]) if named and named[1].endswith(SUFFIX) else None


def is_left_behind(lock: Path) -> bool:
    """Tell whether it is a file of this user's, on a disk of this machine, whose cache no process writes."""
    try:
        is_ours = lock.lstat().st_uid == os.getuid()
    except FileNotFoundError:
        return True
    return (
        is_ours
        and is_local(lock)
        and not any(
            _writes(process, str(lock).removesuffix(SUFFIX)) for process in psutil.process_iter()
        )
    )


def remove(lock: Path) -> None:
    """Remove the lock, if it is there."""
    lock.unlink(missing_ok=True)


def _writes(process: psutil.Process, cache: str) -> bool:
    try:
        return any(one.path.startswith(f"{cache}.") for one in process.open_files())
    except psutil.Error:  # it has ended, or is another user's
        return False

"""A list of the experiences that have ended, by which a run reads and checks the others only.

It is made again from the folders where it is missing or old, and is never trusted over them.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.system import plain_files
from sweep.system.files import write_whole
from sweep.system.host import cache_folder, is_local
from sweep.system.json_text import Unreadable
from sweep.system.plain_files import make_folder
from sweep.version import __version__

LEAST = 500  # new experiences that are worth a list; fewer are read in no time
LEAST_SHARE = 0.05
MOST_BYTES = 2**30
OF_OTHERS = 0o077  # a list that another user may write is not read
# The folder itself, which changes as a file is added, removed or replaced, and what an end is read
# from.
FILES = ("", "/experience.json", "/log.csv", "/meilleur.model.keras", "/sauvegarde")
# A file that is changed again within a tick of the clock may keep its times.
SETTLED_NS = 2 * 10**9

Stamp = list[list[int] | None]


class EndedList:
    """The ended experiences of a root, as an earlier run has read and checked them.

    An entry counts as long as all files of its experience have the inode, the size and the times
    that they had. The list lies in the user's cache on the local disk, and is JSON.

    Args:
        root: of a sweep; on a drive or a network, whose times say little, nothing is listed.
        search_space: the name that the records were checked for; None takes any.
    """

    def __init__(self, root: Path, search_space: str | None = None) -> None:
        root = root.absolute()
        name = hashlib.sha256(f"{root}\n{__version__}".encode()).hexdigest()
        self._search_space = search_space
        self._path = cache_folder() / "ended" / f"{name}.json" if is_local(root) else None
        self._entries = _read(self._path, search_space) if self._path else {}
        self._stamps: dict[str, Stamp] = {}

    def record(self, experience: Experience) -> Record | None:
        """Return the record of an experience that is as it was listed; None of any other."""
        stamp = self._stamps[experience.id] = _stamp(experience)
        try:
            listed_stamp, content = self._entries[experience.id]
            return Record.from_content(content) if stamp == listed_stamp else None
        except (
            KeyError,
            TypeError,
            ValueError,
            Unreadable,
        ):  # it is not listed
            return None

    def write(self, checked: Iterable[tuple[Experience, Record]]) -> None:
        """List those of the experiences that have ended, and have not changed since they were read.

        Where few are new, the list stays as it is.
        """
        ended = [(experience, record) for experience, record in checked if record.outcome]
        unlisted = sum(experience.id not in self._entries for experience, _ in ended)
        if not self._path or unlisted < max(LEAST, len(ended) * LEAST_SHARE):
            return
        latest = time.time_ns() - SETTLED_NS
        entries = {
            experience.id: (stamp, record.as_content())
            for experience, record in ended
            if (stamp := _stamp(experience)) == self._stamps[experience.id]
            and not experience.doubled_records()
            and max(max(times) for times in stamp if times) < latest
        }
        with contextlib.suppress(OSError):  # without a list, the next run takes some seconds longer
            make_folder(self._path.parent)
            self._path.parent.chmod(0o700)
            content = {"search_space": self._search_space, "ended": entries}
            write_whole(self._path, json.dumps(content).encode(), sync=False)


def _read(path: Path, search_space: str | None) -> dict[str, tuple[Stamp, Any]]:
    try:
        folder = path.parent.lstat()
        if folder.st_uid != os.getuid() or folder.st_mode & OF_OTHERS:
            return {}
        content = json.loads(plain_files.read(path, MOST_BYTES))
        is_of_space = search_space in (None, content["search_space"])
        return dict(content["ended"]) if is_of_space else {}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):  # missing, or torn
        return {}


def _stamp(experience: Experience) -> Stamp:
    return [_status(f"{experience.path}{name}") for name in FILES]


def _status(path: str) -> list[int] | None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode]

"""The data that the folder of a run keeps: one set for each set of values that ``load_data`` read.

A set is two files: the arrays, and then, written in one step, what was read and what the data are.
What lies here is bounded in size and in number: the sets that were used least recently make room.
A training that has mapped a set keeps it, though its files are removed.
"""

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from sweep.experience.known_data import DataIdentity
from sweep.experience.schemas import DataIdentityShape, ReadShape
from sweep.space.noted_parameters import Read, fits
from sweep.system.files import write_whole
from sweep.system.json_text import Unreadable, check, parse

ARRAYS, ABOUT = ".pkl", ".json"
SHARE = 0.5  # of the disk space that is free without the sets, which they may take together
MOST_SETS = 100


class AboutShape(TypedDict):
    """What the second file of a set holds."""

    read: NotRequired[ReadShape | None]
    identity: NotRequired[DataIdentityShape | None]


@dataclass(frozen=True)
class KeptSet:
    """A set of data, or the word that each training loads it.

    Attributes:
        about: its second file.
        read: what ``load_data`` has read of the parameters.
        identity: of the data; None where they are not kept.
    """

    about: Path
    read: Read | None
    identity: DataIdentity | None

    @property
    def arrays(self) -> Path:
        """The file of the arrays."""
        return self.about.with_suffix(ARRAYS)

    def size(self) -> int:
        """Return the bytes of its arrays."""
        return self.arrays.stat().st_size if self.identity else 0

    def publish(self) -> None:
        """Let trainings find the set. Nothing is synced: no run outlives a power cut.

        Raises:
            OSError: the disk is full or gone.
        """
        content = {"read": self.read, "identity": self.identity}
        write_whole(self.about, json.dumps(content).encode(), sync=False)

    def remove(self) -> None:
        """Remove the files of the set, so that it is never found without its arrays."""
        self.about.unlink(missing_ok=True)
        self.arrays.unlink(missing_ok=True)


@dataclass(frozen=True)
class Room:
    """The bytes that the sets of a run take, and how many they may take."""

    taken: int
    most: int


def new_set(folder: Path, read: Read | None, identity: DataIdentity | None = None) -> KeptSet:
    """Return a set that is not published, in the folder of a run."""
    return KeptSet(folder / f"{uuid.uuid4().hex}{ABOUT}", read, identity)


def find(folder: Path, parameters: Mapping[str, Any]) -> KeptSet | None:
    """Return the set for these parameters, or None. It counts as used now."""
    fitting = [one for one in _sets_in(folder) if fits(one.read, parameters)]
    found = max(fitting, key=lambda one: one.identity is not None, default=None)
    if found:
        with contextlib.suppress(OSError):
            os.utime(found.about)
    return found


def make_room(folder: Path, size: int) -> Room:
    """Remove the sets that were used least recently, until another one fits.

    The caller is the only process that loads. What a killed one has left is removed, too.

    Args:
        folder: of the run.
        size: bytes of the other set. If it is larger than all that may be kept, none gives way.

    Raises:
        OSError: the disk is gone.
    """
    sets = sorted(_sets_in(folder), key=lambda one: one.about.stat().st_mtime_ns)
    for left in set(folder.glob(f"*{ARRAYS}")) - {one.arrays for one in sets}:
        left.unlink()
    taken = sum(one.size() for one in sets)
    most = int(SHARE * (shutil.disk_usage(folder).free + taken))
    for oldest in sets[:]:
        is_full = size <= most < taken + size
        if not is_full and len(sets) < MOST_SETS:
            break
        taken -= oldest.size()
        oldest.remove()
        sets.remove(oldest)
    return Room(taken, most)


def _sets_in(folder: Path) -> list[KeptSet]:
    sets = []
    for about in folder.glob(f"*{ABOUT}"):
        with contextlib.suppress(OSError, Unreadable):  # it may be removed meanwhile
            content = parse(about.read_bytes())
            check(content, AboutShape)
            sets.append(KeptSet(about, content.get("read"), content.get("identity")))
    return sets

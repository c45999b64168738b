"""Whether another process trains in a folder just now: on this host, or on another one of a cluster.

A training on this host is alive or not, and the kernel knows. Of one on another host there are only its signs of life in the
folder: its lease runs out when they do not change for ``LEASE_S``. No clocks are compared.
"""

import os
import time
from typing import Any

from sweep.experience.entries import FolderHolder, Session
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State, state_of
from sweep.experience.root import LEASE_S
from sweep.system import plain_files
from sweep.system.host import ProcessId, is_alive, is_of_this_boot, this_process


class Superseded(Exception):  # an end of a training, no error of the program
    """Another process has taken a folder over.

    Args:
        holder: that process.
    """

    def __init__(self, holder: FolderHolder) -> None:
        super().__init__(holder)
        self.holder = holder


class Hold:
    """The hold of this process on the folder that it trains in.

    A machine may be suspended in any instruction, and wake when another one has long gone on in its place. So whoever takes
    a folder over says so in its record, with a number one higher than before, and whoever is about to put a file in place
    looks there last.

    Args:
        experience: whose folder it is.
    """

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._holder: FolderHolder | None = None
        self._seen: tuple[int, int, int] | None = None

    def take(self, record: Record) -> None:
        """Take the folder over, which is nobody's just now, and write that into its record.

        Raises:
            OSError: the disk is full or gone.
        """
        number = record.holder.number + 1 if record.holder else 1
        record.holder = FolderHolder(number=number, **vars(this_process()))
        self._experience.write(record)
        self._holder = record.holder

    def check(self) -> None:
        """Raises Superseded where another process has taken the folder over, OSError where that cannot be read."""
        if not self._holder:
            return
        seen = self._version()
        if seen is None or seen != self._seen:
            record = self._experience.read()
            if record and record.holder and record.holder != self._holder:
                raise Superseded(record.holder)
            self._seen = seen

    def _version(self) -> tuple[int, int, int] | None:
        """Return what is another each time the record is written; a network file system asks its server at an ``open``."""
        try:
            with plain_files.reading(self._experience.record) as file:
                found = os.fstat(file.fileno())
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


class Lease:
    """The hold of the latest session on its folder, to be asked now and then.

    Args:
        experience: whose folder it is.
    """

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._beat: Any = None
        self._beat_at = time.monotonic()

    def holder(self) -> ProcessId | None:
        """Return the process that trains in the folder, or None.

        Raises:
            OSError: the folder cannot be read.
        """
        session = open_session(self._experience.read())
        if not session:
            return None
        process = session.process
        if is_of_this_boot(process):
            return process if is_alive(process) else None
        # Away from a cluster, a training ends with its controller, and the controllers have a lease of their own.
        return process if session.cluster and self._is_beating(process) else None

    def _is_beating(self, process: ProcessId) -> bool:
        heartbeat = self._experience.heartbeat
        beat = (process, plain_files.read(heartbeat) if plain_files.is_file(heartbeat) else None)
        if beat != self._beat:
            self._beat, self._beat_at = beat, time.monotonic()
        return time.monotonic() - self._beat_at < LEASE_S


def open_session(record: Record | None) -> Session | None:
    """Return the latest session where it has not said its end, or None."""
    last = record.sessions[-1] if record and record.sessions and not record.outcome else None
    return last if last and not last.ended else None


def shown_state(experience: Experience, record: Record) -> State:
    """Return the state for who looks on: a training on another host of a cluster runs where it gave a sign of life lately.

    This does compare clocks, so nothing may be decided by it.
    """
    session = open_session(record)
    if not session or not session.cluster or is_of_this_boot(session.process):
        return state_of(record)
    try:
        silent_s = time.time() - plain_files.status(experience.heartbeat).st_mtime
    except (FileNotFoundError, plain_files.NotPlain):
        return State.CUT_OFF
    return State.RUNNING if silent_s < LEASE_S else State.CUT_OFF

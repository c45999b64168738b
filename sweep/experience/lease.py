"""The lease on a folder: whether another process trains there, on this host or another one.

The kernel knows whether a process of this host is alive. A process on another host gives only
heartbeats in the folder: its lease runs out when they do not change for ``LEASE_S``. No clocks are
compared.
"""

import os
import time

from sweep.experience.entries import FolderHolder, Session
from sweep.experience.folder import Experience
from sweep.experience.record import Record, State, state_of
from sweep.experience.root import LEASE_S
from sweep.system import plain_files
from sweep.system.host import ProcessId, is_alive, is_of_this_boot, this_process


class Superseded(Exception):  # an end of a training, no error of the program
    """Another process has taken the folder over.

    Args:
        holder: that process.
    """

    def __init__(self, holder: FolderHolder) -> None:
        super().__init__(holder)
        self.holder = holder


class Hold:
    """The hold of this process on the folder that it trains in.

    A machine may be suspended in any instruction, and wake up long after another one has resumed
    its training. So a process that takes a folder over says so in its record, with the next higher
    number, and a process that is about to put a file in place looks there last.

    Args:
        experience: whose folder it is.
    """

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._holder: FolderHolder | None = None
        self._checked_version: tuple[int, int, int] | None = None

    def take(self, record: Record) -> None:
        """Take over the folder, which nobody holds now, and write that into its record.

        Raises:
            OSError: the disk is full or gone.
        """
        number = record.holder.number + 1 if record.holder else 1
        record.holder = FolderHolder(number=number, **vars(this_process()))
        self._experience.write(record)
        self._holder = record.holder

    def check(self) -> None:
        """Raise if another process has taken the folder over.

        Raises:
            Superseded: another process has.
            OSError: the record cannot be read, or the drive of the root is not mounted now.
        """
        if not self._holder:
            return
        version = self._version()
        if version is None:
            self._experience.check_root()
        if version is None or version != self._checked_version:
            record = self._experience.read()
            if record and record.holder and record.holder != self._holder:
                raise Superseded(record.holder)
            self._checked_version = version

    def _version(self) -> tuple[int, int, int] | None:
        """Return what changes each time the record is written, or None where there is no record.

        The file is opened, because a network file system asks its server then.
        """
        try:
            with plain_files.reading(self._experience.record) as file:
                status = os.fstat(file.fileno())
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


class Lease:
    """The lease of the latest session on its folder, to be asked from time to time.

    Args:
        experience: whose folder it is.
    """

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._latest: tuple[ProcessId, bytes | None] | None = None
        self._changed_at = time.monotonic()

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
        # Away from a cluster, a training ends with its controller, and the controllers have a lease
        # of their own.
        return process if session.cluster and self._is_beating(process) else None

    def _is_beating(self, process: ProcessId) -> bool:
        path = self._experience.heartbeat
        latest = process, plain_files.read(path) if plain_files.is_file(path) else None
        if latest != self._latest:
            self._latest, self._changed_at = latest, time.monotonic()
        return time.monotonic() - self._changed_at < LEASE_S


def open_session(record: Record | None) -> Session | None:
    """Return the latest session if it has not written its end, or None."""
    last = record.sessions[-1] if record and record.sessions and not record.outcome else None
    return last if last and not last.ended else None


def shown_state(experience: Experience, record: Record) -> State:
    """Return the state to show, in which a training on another host may run.

    That training runs if its last heartbeat is recent. This compares clocks, so nothing may be
    decided by it.
    """
    session = open_session(record)
    if not session or not session.cluster or is_of_this_boot(session.process):
        return state_of(record)
    try:
        silent_s = time.time() - plain_files.status(experience.heartbeat).st_mtime
    except (FileNotFoundError, plain_files.NotPlain):
        return State.CUT_OFF
    return State.RUNNING if silent_s < LEASE_S else State.CUT_OFF

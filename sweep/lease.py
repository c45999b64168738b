"""Whether another process trains in a folder just now: on this host, or on another one of a cluster.

A training on this host is alive or not, and the kernel knows. Of one on another host there are only its signs of life in the
folder: its lease runs out when they do not change for ``LEASE_S``. No clocks are compared.
"""

import time
from typing import Any

from sweep import plain_files
from sweep.experience import Experience
from sweep.host import is_alive, is_of_this_boot
from sweep.record import Record, State, state_of
from sweep.root import LEASE_S


class Lease:
    """The hold of the latest session on its folder, to be asked now and then.

    Args:
        experience: whose folder it is.
    """

    def __init__(self, experience: Experience) -> None:
        self._experience = experience
        self._beat: Any = None
        self._beat_at = time.monotonic()

    def holder(self) -> dict[str, Any] | None:
        """Return the process that trains in the folder, as its session names it, or None.

        Raises:
            OSError: the folder cannot be read.
        """
        session = open_session(self._experience.read())
        if not session:
            return None
        process: dict[str, Any] = session["process"]
        if is_of_this_boot(process):
            return process if is_alive(process) else None
        # Away from a cluster, a training ends with its controller, and the controllers have a lease of their own.
        return process if session.get("cluster") and self._is_beating(process) else None

    def _is_beating(self, process: dict[str, Any]) -> bool:
        pulse = self._experience.pulse
        beat = (process, plain_files.read(pulse) if plain_files.is_file(pulse) else None)
        if beat != self._beat:
            self._beat, self._beat_at = beat, time.monotonic()
        return time.monotonic() - self._beat_at < LEASE_S


def open_session(record: Record | None) -> dict[str, Any] | None:
    """Return the latest session where it has not said its end, or None."""
    last = record.sessions[-1] if record and record.sessions and not record.outcome else None
    return last if last and "ended" not in last else None


def shown_state(experience: Experience, record: Record) -> State:
    """Return the state for who looks on: a training on another host of a cluster runs where it gave a sign of life lately.

    This does compare clocks, so nothing may be decided by it.
    """
    session = open_session(record)
    if not session or not session.get("cluster") or is_of_this_boot(session["process"]):
        return state_of(record)
    try:
        silent_s = time.time() - plain_files.status(experience.pulse).st_mtime
    except (FileNotFoundError, plain_files.NotPlain):
        return State.CUT_OFF
    return State.RUNNING if silent_s < LEASE_S else State.CUT_OFF

"""The lock of a root, which lets one sweep in at a time, and the file that names its holder."""

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sweep.errors import SweepError
from sweep.experience import schemas
from sweep.experience.root import HOLDER, LEASE_S, LOCK, SETTLE_S
from sweep.system import plain_files
from sweep.system.files import write_whole
from sweep.system.host import ProcessId, is_alive, is_local, is_same, now, this_process
from sweep.system.json_text import Unreadable, read


class RootBusy(SweepError):
    """Another sweep holds the root."""


@dataclass(kw_only=True)
class RootHolder(ProcessId):
    """The process that holds a root, since a time in UTC; it renews its file regularly."""

    since: str
    renewed: int = 0


def read_holder(root: Path) -> RootHolder | None:
    """Return the process that holds the root, or that was killed while it did; otherwise None.

    A torn file counts as none.
    """
    try:
        return RootHolder(**read(plain_files.read(root / HOLDER), schemas.HolderShape))
    except (OSError, Unreadable):
        return None


class RootLock:
    """A context manager that holds a root.

    It is taken over at once from a dead process of this host, and after its lease from one of
    another host. On one host the kernel keeps the lock, so that it ends with its process. A sweep
    on another host is seen only by its file, which it renews: a holder whose file does not change
    for ``LEASE_S`` is dead. No clocks are compared. A holder that was suspended for longer finds
    the file of another process, and gives way.

    Args:
        root: a folder.
        say: is told when there is something to wait for.
        stop: ends the waiting, once set.
        on_lost: is told, in a thread of its own, that another process has taken the root over.
    """

    def __init__(
        self,
        root: Path,
        say: Callable[[str], None],
        stop: threading.Event,
        on_lost: Callable[["RootBusy"], None] | None = None,
    ) -> None:
        self._root, self._say, self._stop = root, say, stop
        self._on_lost = on_lost or (lambda error: say(str(error)))
        self._released = threading.Event()
        self._descriptor: int | None = None
        self._holder = RootHolder(**vars(this_process()), since=now())

    def __enter__(self) -> "RootLock":
        """Take the root.

        Raises:
            RootBusy: another sweep holds it.
            KeyboardInterrupt: ``stop`` ended the waiting.
        """
        self._descriptor = plain_files.open_plain(self._root / LOCK, os.O_RDWR | os.O_CREAT)
        try:
            self._lock_on_this_host()
            self._take_over(self._outwait_other_hosts())
        except BaseException:
            os.close(self._descriptor)
            raise
        threading.Thread(target=self._keep_renewing, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        with contextlib.suppress(OSError):
            if self._is_ours(read_holder(self._root)):
                plain_files.remove(self._root / HOLDER)
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _take_over(self, has_waited: bool) -> None:
        """Write the name of this process.

        If two hosts have waited for the same holder, the one whose name stays has the root.
        """
        self._renew()
        if has_waited:
            if self._stop.wait(SETTLE_S):
                raise KeyboardInterrupt
            self._check_only(self._holder)

    def _lock_on_this_host(self) -> None:
        holder = read_holder(self._root)
        try:
            fcntl.flock(self._descriptor or 0, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RootBusy(self._busy(holder)) from None
        except OSError:  # a file system without locks: the holder's process tells
            if holder and is_alive(holder):
                raise RootBusy(self._busy(holder)) from None

    def _outwait_other_hosts(self) -> bool:
        """Wait until a holder on another host has been silent for its lease.

        Returns whether there was such a holder.
        """
        holder = read_holder(self._root)
        if not holder or not self._may_be_elsewhere(holder):
            return False
        self._say(
            f"{self._root} was held by {_name(holder)}; "
            f"waiting {LEASE_S:.0f} s to see whether it still runs"
        )
        until = time.monotonic() + LEASE_S
        while time.monotonic() < until:
            if self._stop.wait(1):
                raise KeyboardInterrupt
            self._check_only(holder)
        return True

    def _may_be_elsewhere(self, holder: RootHolder) -> bool:
        """Tell whether the holder may be on another host, of which the kernel's lock says nothing.

        Two hosts may have the same name; their boots differ.
        """
        is_of_this_host = holder.host == socket.gethostname()
        if is_of_this_host and holder.boot in (this_process().boot, ""):
            return False
        return not is_of_this_host or not is_local(self._root)

    def _check_only(self, holder: RootHolder) -> None:
        """Refuse any other holder than this one.

        Raises:
            RootBusy: there is one.
        """
        present = read_holder(self._root)
        if present and present != holder:
            raise RootBusy(self._busy(present))

    def check(self) -> None:
        """Raise if another sweep has taken the root over while this process was suspended.

        Raises:
            RootBusy: another sweep has.
        """
        holder = read_holder(self._root)
        if holder and not self._is_ours(holder):
            raise RootBusy(
                f"{self._root} was taken over by {_name(holder)}, "
                "while this process was paused: see there."
            )

    def _busy(self, holder: RootHolder | None) -> str:
        user = _name(holder) if holder else "another sweep"
        return (
            f"{self._root} is in use by {user}: wait for its end, stop it, or name another --root."
        )

    def _is_ours(self, holder: RootHolder | None) -> bool:
        return holder is not None and is_same(holder, self._holder)

    def _renew(self) -> None:
        write_whole(self._root / HOLDER, json.dumps(self._holder.as_content()).encode())

    def _keep_renewing(self) -> None:
        while not self._released.wait(LEASE_S / 4):
            try:
                self.check()
            except RootBusy as error:
                self._on_lost(error)
                return
            self._holder.renewed += 1
            with contextlib.suppress(OSError):  # a drive that is gone for a while: tried again
                self._renew()


def _name(holder: RootHolder) -> str:
    return f"process {holder.pid} on {holder.host} since {holder.since[:19]} UTC"

"""Writes that go on in a thread of their own while the training goes on, one at a time."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """What was written: its bytes, and what it has cost.

    ``told`` are sentences for the user. ``seconds`` passed meanwhile, in ``cpu_s`` of which the
    thread computed.
    """

    bytes: int
    told: list[str]
    seconds: float
    cpu_s: float


# Returns the bytes that it has written, and sentences for the user.
Write = Callable[[], tuple[int, list[str]]]


class BackgroundWrite:
    """At most one write at a time, in a thread.

    The thread touches no object of Keras, and tells nobody anything: whoever began the write asks
    for its end.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="save")
        self._future: Future[Written] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether a write has begun, and nobody has asked for its end."""
        return self._future is not None

    def begin(self, write: Write) -> None:
        """Begin a write; none is under way."""
        self._future = self._threads.submit(timed, write)

    def ended(self, wait: bool = False) -> Written | None:
        """Return the write that has ended, once; None where none has.

        Args:
            wait: for the end of a write that is under way.

        Raises:
            OSError: the disk is full or gone. Whatever else the write raises is raised, too.
        """
        future = self._future
        if future is None or not (wait or future.done()):
            return None
        self._future = None
        try:
            return future.result()
        finally:
            del future  # else its error, of whose frames one is this, keeps what was to be written


def timed(write: Write) -> Written:
    """Write, and return what that has cost."""
    began, cpu_began = time.monotonic(), time.thread_time()
    size, told = write()
    return Written(size, told, time.monotonic() - began, time.thread_time() - cpu_began)

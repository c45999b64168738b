"""Ctrl-C, SIGTERM and SIGHUP: the first one saves and stops, a second one ends at once."""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from sweep.errors import STOPPED_BY_USER
from sweep.running.controller import Controller
from sweep.system.host import stop_signals
from sweep.system.output import say_at_once


@contextlib.contextmanager
def listening(controller: Controller) -> Iterator[list[int]]:
    """Let the first Ctrl-C, SIGTERM or SIGHUP save and stop, and a second one end at once.

    A terminal that is closed sends SIGHUP several times, and a system that shuts down sends SIGTERM
    besides: a SIGHUP never counts as the second signal.

    Python lets only the main thread listen to signals. A caller in another thread has to stop the
    controller by itself.

    The handler takes no lock, as that of an event: it may interrupt whoever holds it, and itself.

    Yields:
        The signals that have come, a list that grows.
    """
    came: list[int] = []
    heard: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
        came.append(number)
        if number != signal.SIGHUP and sum(each != signal.SIGHUP for each in came) > 1:
            _end_at_once(controller)
        heard.put(number)

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    hearer = threading.Thread(target=_hear, args=(controller, heard), daemon=True)
    hearer.start()
    before = {number: signal.signal(number, on_signal) for number in stop_signals()}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        heard.put(None)
        hearer.join()


def _hear(controller: Controller, heard: "queue.SimpleQueue[int | None]") -> None:
    """Stop the controller when a signal has come, and say so; None says that none will come."""
    if heard.get() is not None:
        controller.stop.set()
        controller.say("stopping at the next batch; once more to end at once")


def _end_at_once(controller: Controller) -> None:
    controller.kill()
    if "ipykernel" in sys.modules:  # a notebook's kernel holds more than this sweep
        raise KeyboardInterrupt
    if sys.stderr.isatty():
        say_at_once(b"\n")  # the prompt gets a line of its own, below the bars
    os._exit(STOPPED_BY_USER)

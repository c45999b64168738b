"""Ctrl-C, SIGTERM and SIGHUP: the first saves and stops, a second one ends at once."""

import contextlib
import os
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
    """Make the first Ctrl-C, SIGTERM or SIGHUP save and stop, and a second end at once; give the list of those that came.

    A terminal that is closed sends SIGHUP several times, and a system that shuts down SIGTERM besides: none of them counts
    as the second.
    In another thread than the main one, Python lets nobody listen: what calls from there has to stop by itself.
    """
    came: list[int] = []

    def on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
        came.append(number)
        if number != signal.SIGHUP and sum(one != signal.SIGHUP for one in came) > 1:
            controller.kill()
            if "ipykernel" in sys.modules:  # a notebook's kernel holds more than this sweep
                raise KeyboardInterrupt
            if sys.stderr.isatty():
                say_at_once(b"\x1b[?25h")  # the cursor, which the bars have hidden
            os._exit(STOPPED_BY_USER)
        controller.stop.set()
        say_at_once(b"\nstopping at the next batch; once more to end at once\n")

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, on_signal) for number in stop_signals()}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

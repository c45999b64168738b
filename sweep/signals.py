"""Ctrl-C and SIGTERM: the first saves and stops, the second ends at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from sweep.calm import say_at_once
from sweep.controller import Controller
from sweep.errors import STOPPED_BY_USER

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def listening(controller: Controller) -> Iterator[list[int]]:
    """Make the first Ctrl-C or SIGTERM save and stop, and the second end at once; give the list of those that came.

    In another thread than the main one, Python lets nobody listen: what calls from there has to stop by itself.
    """
    came: list[int] = []

    def on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
        came.append(number)
        if len(came) > 1:
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
    before = {number: signal.signal(number, on_signal) for number in NUMBERS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

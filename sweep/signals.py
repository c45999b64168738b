"""Ctrl-C and SIGTERM: the first saves and stops, the second ends at once."""

import os
import signal
import sys
from typing import Any

from sweep.controller import Sweep
from sweep.errors import STOPPED_BY_USER


def listen_for_signals(sweep: Sweep) -> list[int]:
    """Make the first Ctrl-C or SIGTERM save and stop, and the second end at once; return the list of those that came."""
    came: list[int] = []

    def on_signal(number: int, frame: Any) -> None:  # noqa: ARG001
        came.append(number)
        if len(came) > 1:
            sweep.kill()
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h")  # the cursor, which the bars have hidden
            os._exit(STOPPED_BY_USER)
        sweep.stop.set()
        os.write(2, b"\nstopping at the next batch; once more to end at once\n")

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return came

"""Writes at the end of a training: nothing is left to train while the disk does not answer."""

from collections.abc import Callable

from sweep.system.files import patiently
from sweep.training.protocol import Link, Warned


def write_patiently(write: Callable[[], None], link: Link) -> None:
    """Call ``write``, again and again while the disk does not take it, unless a stop is asked for.

    Raises:
        OSError: it cannot be written, and a stop is asked for or waiting does not help.
    """

    def warn(error: OSError) -> None:
        link.tell(Warned(f"its end cannot be written ({error}); trying again until it can"))

    patiently(write, warn, link.stop_asked)

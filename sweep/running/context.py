"""What all parts of one sweep share, in place of many arguments."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sweep.console.progress import Progress
from sweep.settings import Settings
from sweep.space.search_space import SearchSpace
from sweep.system.files import patiently

T = TypeVar("T")


@dataclass(frozen=True)
class SweepContext:
    """What was asked for, of which search space, under which root, and who is told.

    Args:
        settings: what was asked for.
        space: the search space, loaded.
        root: the folder of the sweep, which holds its experiences.
        progress: is told all that happens.
        stop: once set, trainings save and stop, and their trials stay interrupted.
        began: when the command began, by ``time.monotonic()``.
    """

    settings: Settings
    space: SearchSpace
    root: Path
    progress: Progress
    stop: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)

    def patiently(self, work: Callable[[], T]) -> T:
        """Return what the work returns, which is tried again while the root does not answer."""
        return self._try_until(work, "does not answer", "does")

    def write_patiently(self, work: Callable[[], T]) -> T:
        """Return what the work returns, which is tried again while the root cannot be written."""
        return self._try_until(work, "cannot be written", "can")

    def _try_until(self, work: Callable[[], T], trouble: str, until: str) -> T:
        def on_wait(error: OSError) -> None:
            self.progress.say(f"{self.root} {trouble} ({error}); trying again until it {until}")

        return patiently(work, on_wait, self.stop.is_set)

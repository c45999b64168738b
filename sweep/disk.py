"""What a sweep takes on the disk: foretold before it is taken, and given back where it need not be kept."""

import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.filesize import decimal

from sweep import resume
from sweep.experience import Experience, Outcome, State
from sweep.job import Sized
from sweep.known import Known
from sweep.settings import Settings


class Disk:
    """The disk under a root. Its methods may be called from any thread.

    Args:
        root: of the sweep.
        settings: how many trainings there are to be, and whose backups are kept.
        known: the trials that have a folder already.
        say: is told what the sweep will take.
    """

    def __init__(self, root: Path, settings: Settings, known: Iterable[Known], say: Callable[[str], None]) -> None:
        self._root, self._settings, self._say = root, settings, say
        self._lock = threading.Lock()
        self._has_foretold = False
        self._value: dict[str, float] = {}
        self._ended = 0
        for one in known:
            self.on_end(one.experience, one.outcome)

    def foretell(self, size: Sized) -> None:
        """Say once what the trainings to come take, and whether the disk has room for them."""
        with self._lock:
            if self._has_foretold:
                return
            self._has_foretold = True
            to_do = max(1, self._settings.trials - self._ended)
        at_once = min(to_do, self._settings.workers)
        kept = size.ended if self._settings.keep_backups is None else size.best
        need, free = at_once * size.training + (to_do - at_once) * kept, shutil.disk_usage(self._root).free
        short = "; that is too little: make room, or free backups by --keep-backups none" if need > free else ""
        self._say(
            f"{to_do} trainings like this one take up to {decimal(need)} on the disk, which has {decimal(free)} free{short}"
        )

    def on_end(self, experience: Experience, outcome: Outcome | None) -> None:
        """Count a training that has ended."""
        with self._lock:
            self._ended += outcome is not None
            if outcome and outcome.state is State.FINISHED and outcome.val_acc is not None:
                self._value[experience.id] = outcome.val_acc

    def free_backups(self) -> None:
        """Give back the backups of the finished experiences that are not among the best so many."""
        if self._settings.keep_backups is None:
            return
        with self._lock:
            ranked = sorted(self._value, key=lambda name: self._value[name], reverse=True)
            for name in ranked[self._settings.keep_backups :]:
                resume.free_backup(Experience(self._root / name))

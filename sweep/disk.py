"""What a sweep takes on the disk: foretold before it is taken, and given back where it need not be kept."""

import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.filesize import decimal

from sweep import resume
from sweep.experience import Experience, State
from sweep.job import Sized
from sweep.known import Known
from sweep.settings import Settings


class Disk:
    """The disk under a root. Its methods may be called from any thread.

    Args:
        root: of the sweep.
        settings: how many trainings run at once, and whose backups are kept.
        to_do: how many trainings there are to come.
        say: is told what they will take.
    """

    def __init__(self, root: Path, settings: Settings, to_do: int, say: Callable[[str], None]) -> None:
        self._root, self._settings, self._to_do, self._say = root, settings, to_do, say
        self._lock = threading.Lock()
        self._has_foretold = False
        self._value: dict[str, float] = {}

    def foretell(self, size: Sized) -> None:
        """Say once what the trainings to come take, and whether the disk has room for them."""
        with self._lock:
            if self._has_foretold:
                return
            self._has_foretold = True
        at_once = min(self._to_do, self._settings.workers)
        kept = size.ended if self._settings.keep_backups is None else size.best
        need, free = at_once * size.training + (self._to_do - at_once) * kept, shutil.disk_usage(self._root).free
        short = "; that is too little: make room, or free backups by --keep-backups none" if need > free else ""
        self._say(f"{self._to_do} to train take up to {decimal(need)} of the disk; {decimal(free)} are free{short}")

    def free_backups(self, ended: Iterable[Known]) -> None:
        """Count trainings that have ended, and give back the backups of those that are not among the best so many."""
        with self._lock:
            for one in ended:
                outcome = one.record.outcome
                if outcome and outcome.state is State.FINISHED and outcome.val_acc is not None:
                    self._value[one.experience.id] = outcome.val_acc
            ranked = sorted(self._value, key=lambda name: self._value[name], reverse=True)
            for name in ranked[self._settings.keep_backups :] if self._settings.keep_backups is not None else ():
                resume.free_backup(Experience(self._root / name))

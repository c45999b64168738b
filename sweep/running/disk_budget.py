"""What a sweep takes on the disk: foretold before it is taken, and given back where it need not be kept."""

import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.filesize import decimal

from sweep.experience import backup_files
from sweep.experience.record import State
from sweep.experience.trials import TrialRecord
from sweep.settings import Settings
from sweep.training.protocol import Sized


class DiskBudget:
    """The disk under a root. Its methods may be called from any thread.

    Args:
        root: of the sweep.
        settings: how many trainings run at once, and whose backups are kept.
        to_do: how many trainings there are to come.
        say: is told what they will take.
    """

    def __init__(
        self, root: Path, settings: Settings, to_do: int, say: Callable[[str], None]
    ) -> None:
        self._root, self._settings, self._to_do, self._say = root, settings, to_do, say
        self._lock = threading.Lock()
        self._has_foretold = False
        self._finished: dict[str, TrialRecord] = {}
        self._freed: set[str] = set()

    def foretell(self, size: Sized) -> None:
        """Say once what the trainings to come take, and whether the disk has room for them."""
        with self._lock:
            if self._has_foretold:
                return
            self._has_foretold = True
        try:
            free = shutil.disk_usage(self._root).free
        except OSError:  # a drive that does not answer: there is nothing to foretell
            return
        need = self._need(size)
        short = (
            "; that is too little: make room, or free backups by --keep-backups none"
            if need > free
            else ""
        )
        self._say(
            f"{self._to_do} to train take up to {decimal(need)} of the disk; {decimal(free)} are free{short}"
        )

    def _need(self, size: Sized) -> int:
        """Return the bytes at the moment at which the last trainings are in their midst."""
        at_once = min(self._to_do, self._settings.workers)
        before = self._to_do - at_once
        keep = (
            before
            if self._settings.keep_backups is None
            else min(before, self._settings.keep_backups)
        )
        return at_once * size.training + keep * size.ended + (before - keep) * size.best

    def free_backups(self, ended: Iterable[TrialRecord]) -> None:
        """Count trainings that have ended, and give back the backups of those that are not among the best so many."""
        with self._lock:
            self._finished |= {one.experience.id: one for one in ended if _has_rank(one)}
            if self._settings.keep_backups is None:
                return
            ranked = sorted(self._finished.values(), key=_rank)
            for one in ranked[self._settings.keep_backups :]:
                if one.experience.id not in self._freed:
                    backup_files.free_backup(one.experience, one.record)
                    self._freed.add(one.experience.id)


def _has_rank(known: TrialRecord) -> bool:
    outcome = known.record.outcome
    if outcome is None or outcome.state is not State.FINISHED:
        return False
    return known.record.objective.name in outcome.values


def _rank(known: TrialRecord) -> float:
    """Return a number that is the smaller, the better an experience is that has ended."""
    outcome = known.record.outcome
    return known.record.objective.rank_in(outcome.values if outcome else {})

"""The disk that a sweep needs: told in advance, and freed from backups that are not to be kept."""

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
    """What a sweep takes on the disk. Its methods may be called from any thread.

    Args:
        root: of the sweep.
        settings: say how many trainings run at once, and whose backups are kept.
        to_do: how many trainings are still to come.
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
        """Say, the first time, what the trainings to come take, and whether the disk has room.

        Args:
            size: of one training.
        """
        with self._lock:
            if self._has_foretold:
                return
            self._has_foretold = True
        try:
            free = shutil.disk_usage(self._root).free
        except OSError:  # a drive that does not answer: there is nothing to foretell
            return
        need = self._bytes_needed(size)
        short = (
            "; that is too little: make room, or free backups by --keep-backups none"
            if need > free
            else ""
        )
        self._say(
            f"{self._to_do} to train take up to {decimal(need)} of the disk; "
            f"{decimal(free)} are free{short}"
        )

    def _bytes_needed(self, size: Sized) -> int:
        """Return the bytes that are taken while the last trainings run, when it is the most."""
        running = min(self._to_do, self._settings.workers)
        is_promoted = self._settings.scheduler != "none"  # most stay paused, with their backups
        ended, kept = self._to_do - running, None if is_promoted else self._settings.keep_backups
        with_backups = ended if kept is None else min(ended, kept)
        without = ended - with_backups
        return running * size.training + with_backups * size.ended + without * size.best

    def free_backups(self, ended: Iterable[TrialRecord]) -> None:
        """Free the backups of all finished trainings but the best, of which the settings keep some.

        Args:
            ended: trainings that have ended, beside those of earlier calls.
        """
        with self._lock:
            self._finished |= {
                training.experience.id: training for training in ended if _has_rank(training)
            }
            if self._settings.keep_backups is None:
                return
            ranked = sorted(self._finished.values(), key=_rank)
            for training in ranked[self._settings.keep_backups :]:
                if training.experience.id not in self._freed:
                    backup_files.free_backup(training.experience, training.record)
                    self._freed.add(training.experience.id)


def _has_rank(training: TrialRecord) -> bool:
    outcome = training.record.outcome
    if outcome is None or outcome.state is not State.FINISHED:
        return False
    return training.record.objective.name in outcome.values


def _rank(training: TrialRecord) -> float:
    """Return a number that is smaller for a better experience."""
    outcome = training.record.outcome
    return training.record.objective.rank_in(outcome.values if outcome else {})

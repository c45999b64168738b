"""When a sweep is over: why no trial is begun any more, or no training."""

import math
import time
from collections.abc import Iterable

from sweep.experience.accounting import Session, batches_at, trained_s
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.running.local_processes import LAST_SAVE_S
from sweep.search.study import Study
from sweep.settings import Settings
from sweep.training.protocol import BACKUP_EVERY_S
from sweep.wording import duration

# What a training takes to its first batch is known from the first one on. Before, this is assumed: the import of Keras,
# where each training has to, takes up to 20 s.
PREPARE_S = 30.0


class Limits:
    """What ends a sweep, asked whenever something is to begin. Each answer is a sentence, or None where all is well.

    ``too_late`` is why a training was not begun, once one was not.

    ``timeout_s`` counts the seconds in which anything trained under the root, in all sessions, and in this one those since
    its first training could begin. ``deadline_s`` counts from ``began``, in this session.

    Args:
        settings: of the sweep.
        study: of the sweep.
        folders: what has been trained; what was merged from elsewhere has used up no time here.
        began: when the command began, by ``time.monotonic()``.
    """

    def __init__(
        self,
        settings: Settings,
        study: Study,
        folders: Iterable[tuple[Experience, Record]],
        began: float,
    ) -> None:
        self.too_late: str | None = None
        self._settings, self._study = settings, study
        here = [
            (one, record)
            for one, record in folders
            if not any(entry.get("came_from") for entry in record.trials)
        ]
        self._used_s = trained_s(here) if settings.timeout_s is not None else 0.0
        self._timed_from: float | None = None
        self._last_save_at = began + (settings.deadline_s or math.inf) - LAST_SAVE_S
        self._prepare_s: float | None = None
        self._batches, self._trained_s = 0, 0.0
        for _, record in here:
            self.count(record.sessions)

    def no_trial(self) -> str | None:
        """Return why no trial is to begin; nothing, as a text, where all are there that were asked for."""
        target, patience = self._settings.target, self._settings.patience
        if target is not None and self._study.has_reached(target):
            return f"the target {target:g} is reached: no trial begins"
        if patience is not None and (since := self._study.since_best()) >= patience:
            return f"none of the last {since} trials was a better one, and --patience is {patience}: no trial begins"
        count, asked, tried = self._study.count(), self._settings.trials, self._study.tried()
        if count >= asked:
            return ""
        ends = f"the sweep ends with {count} trials, and {asked} were asked for"
        return None if tried is None else f"all {tried} combinations have been tried: {ends}"

    def no_training(self) -> str | None:
        """Return why no training is to begin, or to go on from its backup."""
        self.too_late = self.too_late or self._too_late()
        return self.too_late

    def _too_late(self) -> str | None:
        timeout_s, now = self._settings.timeout_s, time.monotonic()
        # A training that would be stopped before its first batch leaves no trace: run again, it would be begun again.
        if timeout_s is not None and timeout_s - self._spent_s(now) <= (self._prepare_s or 0.0):
            spent, whole = duration(self._spent_s(now)), duration(timeout_s)
            return f"the timeout of {whole} is used up, by {spent} of training: give a larger --timeout to go on"
        left_s, need_s = self._last_save_at - now, self._to_next_backup_s()
        if left_s < need_s:
            return (
                f"the deadline leaves {duration(max(0.0, left_s))} before the last save, and a training would take "
                f"{duration(need_s)} to its next backup: run the same command to go on"
            )
        return None

    def begin_timing(self) -> None:
        """Note that from now on trainings can begin."""
        self._timed_from = time.monotonic()

    def time_left(self) -> tuple[float, str]:
        """Return the seconds until all is to be saved, and what is to be said then."""
        timeout_s, now = self._settings.timeout_s, time.monotonic()
        until_deadline = (
            self._last_save_at - now,
            f"the deadline is {LAST_SAVE_S:.0f} s away: all is saved at the next batch; run the same command to go on",
        )
        if timeout_s is None:
            return until_deadline
        whole = duration(timeout_s)
        return min(
            until_deadline,
            (
                timeout_s - self._spent_s(now),
                f"{whole} are over: all is saved at the next batch; give a larger --timeout to go on",
            ),
        )

    def count(self, sessions: list[Session]) -> None:
        """Learn from sessions how long it takes to prepare a training, and a batch."""
        for session in sessions:
            end = session.get("ended")
            if end:
                self._prepare_s = max(self._prepare_s or 0.0, end.get("prepared_s", 0.0))
                self._trained_s += end["trained_s"]
                self._batches += max(0, batches_at(end, session) - batches_at(session, session))

    def _spent_s(self, now: float) -> float:
        return self._used_s + (now - self._timed_from if self._timed_from is not None else 0.0)

    def _to_next_backup_s(self) -> float:
        prepare_s = PREPARE_S if self._prepare_s is None else self._prepare_s
        a_batch_s = self._trained_s / self._batches if self._batches else math.inf
        return prepare_s + min(BACKUP_EVERY_S, self._settings.save_freq * a_batch_s)

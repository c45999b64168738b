"""The limits of a sweep: whether another trial, or another training, may begin."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from sweep.experience.accounting import batches_before, trained_s
from sweep.experience.entries import Session
from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.running.child import LAST_SAVE_S, last_save_s
from sweep.running.standings import Standings
from sweep.search.study import Study
from sweep.settings import Settings
from sweep.training.protocol import FIRST_SAVE_S
from sweep.wording import duration

# Sessions tell how long a training takes to its first batch. This is assumed before there is one:
# where each training imports Keras, that takes up to 20 s.
PREPARE_S = 30.0


@dataclass(frozen=True)
class Verdict:
    """Whether something may begin.

    ``reason`` is the sentence that tells the user why it may not; "" where there is nothing to
    tell, because all that was asked for has begun.
    """

    may_begin: bool
    reason: str = ""


YES = Verdict(may_begin=True)
ALL_HAVE_BEGUN = Verdict(may_begin=False)


class Limits:
    """What ends a sweep; it is asked whenever a trial or a training is to begin.

    ``too_late`` is the reason for which a training did not begin, None until that happens.

    ``timeout_s`` counts the seconds in which any training ran under the root: in earlier sessions,
    and in this one from when its first training could begin. ``deadline_s`` counts from ``began``,
    in this session only.

    Args:
        settings: the settings of the sweep.
        study: the study of the sweep.
        folders: what has been trained. Experiences that were merged from another root have used
            up no time here.
        began: when the command began, by ``time.monotonic()``.
        standings: how many epochs are trained, where ``epochs_total`` limits them.
    """

    def __init__(
        self,
        settings: Settings,
        study: Study,
        folders: Iterable[tuple[Experience, Record]],
        began: float,
        standings: Standings | None = None,
    ) -> None:
        self.too_late: str | None = None
        self._settings, self._study, self._standings = settings, study, standings
        trained_here = [
            (experience, record)
            for experience, record in folders
            if not any(entry.came_from for entry in record.trials)
        ]
        self._used_s = trained_s(trained_here) if settings.timeout_s is not None else 0.0
        self._timed_from: float | None = None
        self._deadline = began + (settings.deadline_s or math.inf)
        self._last_save_s = LAST_SAVE_S
        self._prepare_s: float | None = None
        self._batches, self._trained_s = 0, 0.0
        for _, record in trained_here:
            self.learn(record.sessions)

    def next_trial(self) -> Verdict:
        """Tell whether another trial may be proposed."""
        further = self.next_step()
        if not further.may_begin:
            return further
        target, patience = self._settings.target, self._settings.patience
        paused = self._standings.best_of_paused() if self._standings else {}
        if target is not None and self._study.has_reached(target, paused):
            return Verdict(False, f"the target {target:g} is reached: no trial begins")
        if patience is not None and (since := self._study.count_since_best(paused)) >= patience:
            return Verdict(
                False,
                f"none of the last {since} trials was a better one, and --patience is {patience}: "
                "no trial begins",
            )
        count, asked = self._study.count(), self._settings.trials
        combinations = self._study.count_if_exhausted()
        if count >= asked:
            return ALL_HAVE_BEGUN
        if combinations is None:
            return YES
        return Verdict(
            False,
            f"all {combinations} combinations have been tried: the sweep ends with {count} trials, "
            f"and {asked} were asked for",
        )

    def next_step(self) -> Verdict:
        """Tell whether another trial may be proposed, or a paused one taken further."""
        most = self._settings.epochs_total
        if most is None or self._standings is None or self._standings.epochs() < most:
            return YES
        return Verdict(
            False,
            f"the {most} epochs of --epochs-total are trained: nothing begins or is taken further",
        )

    def next_training(self) -> Verdict:
        """Tell whether another training may begin, or resume from its backup."""
        self.too_late = self.too_late or self._why_too_late()
        return Verdict(False, self.too_late) if self.too_late else YES

    def _why_too_late(self) -> str | None:
        timeout_s, now = self._settings.timeout_s, time.monotonic()
        # A training that is stopped before its first batch leaves no trace, so that the next run
        # would begin it again.
        if timeout_s is not None and timeout_s - self._spent_s(now) <= (self._prepare_s or 0.0):
            spent, whole = duration(self._spent_s(now)), duration(timeout_s)
            return (
                f"the timeout of {whole} is used up, by {spent} of training: "
                "give a larger --timeout to resume"
            )
        left_s, need_s = self._to_last_save_s(now), self._to_next_backup_s()
        if left_s < need_s:
            return (
                f"the deadline leaves {duration(max(0.0, left_s))} before the last save, "
                f"and a training would take {duration(need_s)} to its next backup: "
                "run the same command to resume"
            )
        return None

    def begin_timing(self) -> None:
        """Count the seconds of this session from now on: trainings can begin."""
        self._timed_from = time.monotonic()

    def time_left(self) -> tuple[float, str]:
        """Return the seconds until all trainings must save, and what to tell the user then."""
        timeout_s, now = self._settings.timeout_s, time.monotonic()
        until_deadline = (
            self._to_last_save_s(now),
            f"the deadline is {duration(self._last_save_s)} away: all is saved at the next batch; "
            "run the same command to resume",
        )
        if timeout_s is None:
            return until_deadline
        until_timeout = (
            timeout_s - self._spent_s(now),
            f"{duration(timeout_s)} are over: all is saved at the next batch; "
            "give a larger --timeout to resume",
        )
        return min(until_deadline, until_timeout)

    def learn_save(self, save_s: float) -> None:
        """Learn how long a backup takes to be written: the last one begins before the deadline."""
        self._last_save_s = max(self._last_save_s, last_save_s(save_s))

    def learn(self, sessions: list[Session]) -> None:
        """Learn from sessions how long a training takes to its first batch, and for a batch."""
        for session in sessions:
            end = session.ended
            if end:
                self._prepare_s = max(self._prepare_s or 0.0, end.prepared_s or 0.0)
                self._trained_s += end.trained_s
                self._batches += max(
                    0, batches_before(end, session) - batches_before(session, session)
                )

    def _spent_s(self, now: float) -> float:
        return self._used_s + (now - self._timed_from if self._timed_from is not None else 0.0)

    def _to_last_save_s(self, now: float) -> float:
        return self._deadline - self._last_save_s - now

    def _to_next_backup_s(self) -> float:
        prepare_s = PREPARE_S if self._prepare_s is None else self._prepare_s
        batch_s = self._trained_s / self._batches if self._batches else math.inf
        save_freq = self._settings.save_freq or math.inf
        return prepare_s + min(FIRST_SAVE_S, save_freq * batch_s)

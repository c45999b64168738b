"""When a training that has ended without an outcome is begun again, and when it is given up."""

import time
from dataclasses import dataclass, field

from sweep.errors import SweepError
from sweep.system.files import PATIENCE_S, pauses
from sweep.training.protocol import End, Ending

DEATHS_THAT_FAIL = 3
# For so long a training that has begun tries again to read what is missing.
ABSENCE_S = PATIENCE_S / 15
SECOND_TRY_S = 1.0


class Backoff:
    """Growing pauses, for a limited time.

    Args:
        patience_s: how many seconds after the first pause there is no further one.
    """

    def __init__(self, patience_s: float) -> None:
        self._pauses, self._patience_s, self._until = pauses(), patience_s, float("inf")

    def next(self) -> float | None:
        """Return the next pause in seconds, or None where the time is up."""
        time_now = time.monotonic()
        if time_now > self._until:
            return None
        self._until = min(self._until, time_now + self._patience_s)
        return next(self._pauses)


@dataclass
class Failures:
    """What is counted since the last new epoch of a training."""

    deaths: int = 0
    second_tries: int = 0
    was_at_work: bool = False
    pauses_for_what_is_missing: Backoff = field(default_factory=lambda: Backoff(ABSENCE_S))
    pauses_for_the_drive: Backoff = field(default_factory=lambda: Backoff(PATIENCE_S))


class Restarts:
    """The failures of one training since its last new epoch.

    An epoch that is trained again after an interruption is not new.
    """

    def __init__(self) -> None:
        self._furthest_epoch = -1
        self._failures = Failures()

    @property
    def has_died_too_often(self) -> bool:
        """Whether its process has died so often that the training is given up."""
        return self._failures.deaths == DEATHS_THAT_FAIL

    @property
    def was_at_work(self) -> bool:
        """Whether one of its processes had trained a batch."""
        return self._failures.was_at_work

    def count(self, end: End, epoch: int, was_at_work: bool) -> None:
        """Count the end of a process that came without an outcome.

        Args:
            end: how the process ended.
            epoch: the last epoch that it had trained, -1 for none.
            was_at_work: whether it had trained a batch.
        """
        if epoch > self._furthest_epoch:
            self._furthest_epoch = epoch
            self._failures = Failures()
        self._failures.deaths += end.ending is Ending.DIED and not end.by_the_day
        self._failures.was_at_work |= was_at_work

    def pause(self, end: End) -> float | None:
        """Return the seconds to wait before the training begins again; None where it is given up.

        Raises:
            SweepError: the drive, or the cluster, has not answered for too long.
        """
        if end.ending is Ending.UNPREPARED:  # a file may have been away for a moment: try once more
            self._failures.second_tries += 1
            is_second = self._failures.second_tries == 1
            return SECOND_TRY_S if end.by_the_day and is_second else None
        if end.ending is Ending.DIED and not end.by_the_day:
            return None if self.has_died_too_often else 0.0
        if end.by_the_day:
            return self._failures.pauses_for_what_is_missing.next()
        pause = self._failures.pauses_for_the_drive.next()
        if pause is None:
            raise SweepError(f"{end.why}: mend that, and run the same command to resume.")
        return pause

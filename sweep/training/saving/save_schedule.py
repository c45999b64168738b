"""When a training is to be saved: by the clock, by the batches, or again after a failure."""

import time
from collections.abc import Iterator

from sweep.system.files import pauses
from sweep.training.saving.save_interval import SaveCost, SaveInterval
from sweep.training.training_progress import TrainingProgress


class SaveSchedule:
    """Counts what is in no backup yet, and says when one is due.

    Args:
        progress: how far the training is; what of it is unsaved is kept up to date.
        most_batches: the most batches that a cut may lose; None leaves it to the clock.
        interval: between two backups by the clock.
    """

    def __init__(
        self, progress: TrainingProgress, most_batches: int | None, interval: SaveInterval
    ) -> None:
        self._progress, self._most_batches, self._interval = progress, most_batches, interval
        self._held_at, self._held_batches = 0.0, 0
        self._pauses: Iterator[float] | None = None
        self._retry_at = 0.0

    def begin(self) -> None:
        """Note that the session begins to train."""
        self._progress.begun_at = self._progress.saved_at = self._held_at = time.monotonic()
        self._tell_interval()

    def batches_to_next(self) -> int | None:
        """Return how many batches may be trained before a save is due by their number."""
        if self._most_batches is None:
            return None
        left = self._most_batches - self._progress.unsaved_batches
        return left if left > 0 else self._most_batches  # a failed save is tried by the clock

    def is_due_by_batches(self) -> bool:
        """Tell whether no further batch may be trained before all is on the disk."""
        most = self._most_batches
        return most is not None and not self._pauses and self._progress.unsaved_batches >= most

    def is_due(self) -> bool:
        """Tell whether it is time for a save."""
        now = time.monotonic()
        if self._pauses:
            return now >= self._retry_at
        return now - self._held_at >= self._interval.seconds

    def hold(self) -> None:
        """Note that a save holds the present moment."""
        self._held_at, self._held_batches = time.monotonic(), self._progress.unsaved_batches

    def succeed(self, cost: SaveCost) -> None:
        """Note that what was held is on the disk."""
        self._pauses = None
        self._progress.saved_at = self._held_at
        self._progress.unsaved_batches -= self._held_batches
        self._held_batches = 0
        self._interval.learn(cost)
        self._tell_interval()

    def fail(self) -> None:
        """Note that a save has failed: the next one is due after a growing pause."""
        self._pauses = self._pauses or pauses()
        self._retry_at = time.monotonic() + next(self._pauses)

    def _tell_interval(self) -> None:
        self._progress.saves_every_s = self._interval.seconds
        self._progress.saves_because = self._interval.reason

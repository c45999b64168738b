"""How far a training process is, shared by its callbacks, its session and its heartbeat."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sweep.experience.resume_proof import Sample


@dataclass
class TrainingProgress:
    """How far a session is, and what of it is in no backup yet.

    Attributes:
        epoch, batch: the next batch to train.
        batches: the number of batches of an epoch.
        phases: the first epoch of each phase that has begun.
        process_at: when the process began, in monotonic seconds.
        begun_at: when the session came to its first batch, or None.
        saved_at: when the latest backup was written.
        unsaved_batches: the number of batches since then.
        saves_every_s, saves_because: the seconds between two backups, and the reason in words.
        logs: the running metrics after the last batch of this epoch.
        measure: returns what else is known of this moment.
        is_at_work: whether the session has trained a batch, or has begun to validate.
        sample: what a session that was stopped leaves as evidence.
    """

    epoch: int = 0
    batch: int = 0
    batches: int = 0
    phases: list[int] = field(default_factory=lambda: [0])
    process_at: float = field(default_factory=time.monotonic)
    begun_at: float | None = None
    saved_at: float = 0.0
    unsaved_batches: int = 0
    saves_every_s: float = 0.0
    saves_because: str = ""
    logs: dict[str, Any] | None = None
    measure: Callable[[], dict[str, Any]] = dict
    is_at_work: bool = False
    sample: Sample | None = None

    def trained_s(self) -> float:
        """Return the seconds since the first batch of the session."""
        return time.monotonic() - self.begun_at if self.begun_at else 0.0

    def prepared_s(self) -> float:
        """Return the seconds before the first batch of the session."""
        return (self.begun_at or time.monotonic()) - self.process_at

    def unsaved_s(self) -> float:
        """Return the seconds since the latest backup, or since the first batch if there is none."""
        return time.monotonic() - self.saved_at if self.begun_at else 0.0

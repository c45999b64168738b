"""What a place is given to train, what it says meanwhile, and what it says at the end. All of it travels."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sweep.experience import Experience
from sweep.record import Record
from sweep.search_space import Source


@dataclass(frozen=True)
class Job:
    """One experience to bring to its end; ``record`` is what its ``experience.json`` says or is to say."""

    source: Source
    experience: Experience
    record: Record
    save_freq: int

    def mark_approximate(self, reason: str) -> None:
        """Write why the training may differ from an uncut one; the first reason stays."""
        if not self.record.approximate_because:
            self.record.approximate_because = reason
            self.experience.write(self.record)


class Ending(StrEnum):
    """Why a training process ended."""

    OUTCOME = "outcome"  # the record says finished, failed or pruned
    STOPPED = "stopped"  # it was asked to
    REFUSED = "refused"  # the search space is wrong: no other training of it would fare better
    GONE = "gone"  # the drive does not answer just now
    DIED = "died"  # it said nothing


@dataclass(frozen=True)
class End:
    """How a training process ended, with a sentence where it did not end by an outcome."""

    ending: Ending
    why: str = ""


@dataclass(frozen=True)
class Begun:
    """The training begins, or goes on, before ``batch`` of ``epoch``; it is to train ``epochs`` in all."""

    epoch: int
    batch: int
    epochs: int


@dataclass(frozen=True)
class BatchDone:
    """``batch`` of the ``batches`` of ``epoch`` are trained."""

    epoch: int
    batch: int
    batches: int


@dataclass(frozen=True)
class EpochDone:
    """``epoch`` is trained, validated and written."""

    epoch: int
    val_acc: float


@dataclass(frozen=True)
class Warned:
    """One sentence for the user."""

    text: str


@dataclass(frozen=True)
class Unsaved:
    """Since a time in UTC nothing could be saved, and why; ``since`` is None once all is saved again."""

    since: str | None
    why: str = ""


@dataclass(frozen=True)
class Sized:
    """The bytes that this experience takes at most while it trains, once it has ended, and then without its backups."""

    training: int
    ended: int
    best: int


News = Begun | BatchDone | EpochDone | Warned | Unsaved | Sized


class Link(Protocol):
    """The way from a training to its controller."""

    def tell(self, news: News) -> None:
        """Send news; it may be lost."""

    def should_prune(self, done: EpochDone) -> bool:
        """Send the news and wait for the word of the pruner."""

    def stop_asked(self) -> bool:
        """Tell whether the training should save and stop."""

    def can_save(self) -> None:
        """Say that from now on a stop is waited for; before, there is nothing to save, and a stop ends the process."""

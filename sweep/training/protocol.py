"""Picklable messages between the controller and a training.

A ``Job`` goes to the training, ``News`` come from it while it runs, and an ``End`` ends it.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, get_args

from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.space.objectives import Objectives
from sweep.space.source import SpaceSource

FIRST_SAVE_S = 2.0  # until a backup has shown what it costs
# The environment variable with the modules that the search space imports, separated by commas. The
# forkserver preloads them. It imports ``sweep.training.preload`` by name, which takes no arguments.
PRELOAD_VARIABLE = "SWEEP_PRELOAD"
# The positions (epoch, batch) that ``sweep check`` resumes from. The phases of a training have one
# epoch each there.
SAVES = {"in the middle of an epoch": (0, 2), "at the end of an epoch": (1, 0)}
SAVES_OF_PHASES = {**SAVES, "in the second phase": (1, 1)}


@dataclass(frozen=True)
class Job:
    """One experience to train to its end.

    Attributes:
        source: the text of the search space.
        experience: the folder.
        record: the content of ``experience.json``, on the disk or still to be written.
        save_freq: the most batches that a cut may lose; None leaves that to the clock.
        keep_data: whether the data are kept on the disk.
        prunes: whether the training asks the controller after each epoch.
        cluster: the address of the cluster that it runs on, where it outlives its controller;
            elsewhere None.
        run: the name of the run of the sweep whose trainings share their data; None shares none.
        data_before: what the data must be, as in a record, if ``load_data`` reads the same values;
            None allows any.
        gb_an_hour: the most that may be written to a Google Drive in an hour.
        objectives: those of the sweep; None where MONITOR is left out, and no training of the sweep
            has shown yet what its model calls the accuracy.
        only_prepares: whether it ends before its first batch, and writes nothing.
        until: the epoch before which the training is paused; None trains it to its end.
    """

    source: SpaceSource
    experience: Experience
    record: Record
    save_freq: int | None
    keep_data: bool = True
    prunes: bool = False
    cluster: str | None = None
    run: str | None = None
    data_before: dict[str, Any] | None = None
    objectives: Objectives | None = None
    only_prepares: bool = False
    gb_an_hour: float | None = None
    until: int | None = None

    def only_preparing(self) -> "Job":
        """Return a job that prepares the same training, and ends before its first batch."""
        return replace(self, only_prepares=True, prunes=False)


class Ending(StrEnum):
    """Why a training process ended."""

    OUTCOME = "outcome"  # the record says finished, failed or pruned
    PAUSED = "paused"  # before the epoch that the job names
    STOPPED = "stopped"  # it was asked to
    REFUSED = "refused"  # the search space is wrong, so that its other trainings would fail as well
    GONE = "gone"  # the drive or the cluster does not answer
    UNFIT = "unfit"  # this worker of a cluster cannot train it; another may
    UNPREPARED = "unprepared"  # the search space raised before the first batch of this session
    MOVED_ON = "moved_on"  # another process has trained it
    DIED = "died"  # it sent no end


@dataclass(frozen=True)
class End:
    """How a training process ended.

    Attributes:
        ending: the kind of the end.
        why: one sentence, where there is no outcome.
        traceback: of the search space, where it raised.
        by_the_day: whether what is missing may be there again tomorrow: a file, a server, a
            package.
    """

    ending: Ending
    why: str = ""
    traceback: str | None = None
    by_the_day: bool = False


@dataclass(frozen=True)
class Begun:
    """The training begins, or resumes, before ``batch`` of ``epoch``."""

    epoch: int
    batch: int


@dataclass(frozen=True)
class EpochDone:
    """``epoch`` is trained, validated and written; its monitored metric is ``value``, or NaN."""

    epoch: int
    value: float


@dataclass(frozen=True)
class Warned:
    """One sentence for the user; ``once`` where one training may say it for all of a run."""

    text: str
    once: bool = False


@dataclass(frozen=True)
class Unsaved:
    """Nothing could be saved since a time in UTC.

    ``why`` is the reason. ``since`` is None once all is saved again.
    """

    since: str | None
    why: str = ""


@dataclass(frozen=True)
class SaveTakes:
    """A backup takes so long to be written that a stop must wait for it.

    ``is_assumed`` by the size of the model, before one was written.
    """

    seconds: float
    is_assumed: bool = False


@dataclass(frozen=True)
class Sized:
    """The most bytes that the experience takes on the disk.

    ``training`` is while it trains, ``ended`` once it has ended, and ``best`` after that without
    its backups.
    """

    training: int
    ended: int
    best: int


@dataclass(frozen=True)
class Cost:
    """The measured cost of a training.

    Attributes:
        weights: the number of weights of the model.
        start_s: the seconds up to the first batch.
        epoch_s: the seconds of an epoch and its validation.
        memory: in bytes.
        architecture: a text that is equal for models that differ in sizes only.
    """

    weights: int
    start_s: float
    epoch_s: float
    memory: int
    architecture: str = ""


@dataclass(frozen=True)
class Exactness:
    """Whether a resumed training came to the same end.

    ``differs`` names the first difference, or is None; ``named`` is the reason that the record
    already gave for it, or None.
    """

    differs: str | None
    named: str | None


News = Begun | EpochDone | Warned | Unsaved | SaveTakes | Sized | Cost | Exactness
KINDS = {kind.__name__: kind for kind in get_args(News)}


def as_message(news: News) -> dict[str, Any]:
    """Return the news as plain values, for a channel that carries no objects."""
    return {"kind": type(news).__name__, **asdict(news)}


def from_message(message: dict[str, Any]) -> News:
    """Return the news that ``as_message`` has turned into a message."""
    kind: type[News] = KINDS[message["kind"]]
    return kind(**{name: value for name, value in message.items() if name != "kind"})


OnNews = Callable[[News], str | None]


class Place(Protocol):
    """A place where trainings run. All methods but ``start`` may be called from any thread."""

    @property
    def cluster(self) -> str | None:
        """The address of the cluster; None where trainings end with this controller."""

    def workers(self) -> int:
        """Return how many trainings run at once by default."""

    def threads(self, workers: int) -> int:
        """Return how many threads each of ``workers`` trainings should have."""

    def start(self) -> None:
        """Begin to import Keras, if this place does so ahead of the first training."""

    def wait_until_warm(self, stop: threading.Event) -> None:
        """Return once Keras is imported, or ``stop`` is set."""

    def train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train the job in a process of its own, and return how that ended.

        A training that is killed harms no other.

        Args:
            job: what to train.
            stop: once set, the training saves at its next batch and ends.
            on_news: is called with each news of the training. Its answer to an ``EpochDone`` is
                the reason why the pruner ends the training there, or None.
        """

    def kill(self) -> None:
        """Kill at once the trainings that would end with this controller anyway."""

    def forget(self, run: str) -> None:
        """Remove what is kept for a run that has ended."""


class Link(Protocol):
    """The channel from a training to its controller."""

    def tell(self, news: News) -> None:
        """Send news; it may be lost."""

    def should_prune(self, done: EpochDone) -> str | None:
        """Send the news, and return the reason why the pruner ends the training, or None."""

    def stop_asked(self) -> bool:
        """Return whether the training should save and stop."""

    def can_save(self) -> None:
        """Say that the training can save from now on, and that a stop waits for it.

        Before that there is nothing to save, and a stop ends the process.
        """

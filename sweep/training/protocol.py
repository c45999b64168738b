"""What a place is given to train, what it says meanwhile, and what it says at the end. All of it travels."""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol, get_args

from sweep.experience.folder import Experience
from sweep.experience.record import Record
from sweep.space.source import SpaceSource

BACKUP_EVERY_S = 30.0
# From where ``sweep check`` resumes: epoch and batch.
SAVES = {"in the middle of an epoch": (0, 2), "at the end of an epoch": (1, 0)}


@dataclass(frozen=True)
class Job:
    """One experience to bring to its end.

    ``record`` is what its ``experience.json`` says or is to say, ``save_freq`` is in batches, ``keep_data`` says whether its
    data are kept on the disk, ``prunes`` whether the controller has a word on each epoch. ``cluster`` is the address of the
    cluster that it runs on, where it outlives its controller; elsewhere None. ``run`` names the run of the sweep, whose
    trainings share their data; None where it shares none. ``data_before`` is what its data must be, as a record has it; None
    where they may be any. One that ``only_prepares`` ends before its first batch, and writes nothing.
    """

    source: SpaceSource
    experience: Experience
    record: Record
    save_freq: int
    keep_data: bool = True
    prunes: bool = False
    cluster: str | None = None
    run: str | None = None
    data_before: dict[str, Any] | None = None
    only_prepares: bool = False

    def mark_approximate(self, reason: str) -> None:
        """Write into the record why the training may differ from an uncut one."""
        self.record.mark_approximate(reason)
        self.experience.write(self.record)


class Ending(StrEnum):
    """Why a training process ended."""

    OUTCOME = "outcome"  # the record says finished, failed or pruned
    STOPPED = "stopped"  # it was asked to
    REFUSED = "refused"  # the search space is wrong: no other training of it would fare better
    GONE = "gone"  # the drive, or the cluster, does not answer just now
    UNFIT = "unfit"  # this worker of a cluster cannot train it; another may
    UNPREPARED = "unprepared"  # the search space raised before the first batch of this session
    MOVED_ON = "moved_on"  # another process has trained meanwhile
    DIED = "died"  # it said nothing


@dataclass(frozen=True)
class End:
    """How a training process ended, with a sentence where it did not end by an outcome.

    Where the search space raised, ``traceback`` has how. ``by_the_day`` says that it names what may be there again tomorrow:
    a file, a server, a package.
    """

    ending: Ending
    why: str = ""
    traceback: str | None = None
    by_the_day: bool = False


@dataclass(frozen=True)
class Begun:
    """The training begins, or goes on, before ``batch`` of ``epoch``."""

    epoch: int
    batch: int


@dataclass(frozen=True)
class EpochDone:
    """``epoch`` is trained, validated and written; ``value`` is what is monitored of it."""

    epoch: int
    value: float


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


@dataclass(frozen=True)
class Cost:
    """What a training was measured to take: ``weights`` are how many numbers its model has, ``memory`` is in bytes.

    ``start_s`` are the seconds up to its first batch, ``epoch_s`` those of an epoch and its validation. ``architecture`` is
    alike for models that differ in sizes only.
    """

    weights: int
    start_s: float
    epoch_s: float
    memory: int
    architecture: str = ""


@dataclass(frozen=True)
class Exactness:
    """Whether a training that was resumed came to the same end.

    ``differs`` is what differs first, or None; ``named`` is why that was to be expected, or None.
    """

    differs: str | None
    named: str | None


News = Begun | EpochDone | Warned | Unsaved | Sized | Cost | Exactness
KINDS = {kind.__name__: kind for kind in get_args(News)}


def as_message(news: News) -> dict[str, Any]:
    """Return the news as plain values, for what carries no objects."""
    return {"kind": type(news).__name__, **asdict(news)}


def from_message(message: dict[str, Any]) -> News:
    """Return the news that ``as_message`` was given."""
    kind: type[News] = KINDS[message["kind"]]
    return kind(**{name: value for name, value in message.items() if name != "kind"})


OnNews = Callable[[News], str | None]


class Place(Protocol):
    """Where trainings run. All but ``start`` may be called from any thread."""

    @property
    def cluster(self) -> str | None:
        """The address of the cluster; None where trainings end with this controller."""

    def workers(self) -> int:
        """Return how many trainings at once it is for, where nobody says otherwise."""

    def threads(self, workers: int) -> int:
        """Return how many threads each of so many trainings at once should have."""

    def start(self) -> None:
        """Begin to import Keras, where that is done here."""

    def wait_until_warm(self, stop: threading.Event) -> None:
        """Return once Keras is imported, or ``stop`` is set."""

    def train(self, job: Job, stop: threading.Event, on_news: OnNews) -> End:
        """Train the job in a process of its own and return how that ended. One that is killed harms no other.

        Args:
            job: what to train.
            stop: once set, the training saves at its next batch and ends.
            on_news: is called with each news of the training; its answer to an ``EpochDone`` says why the pruner ends it
                there, if it does.
        """

    def kill(self) -> None:
        """End at once what would end with this controller anyway."""

    def forget(self, run: str) -> None:
        """Remove what is kept for a run, which has ended."""


class Link(Protocol):
    """The way from a training to its controller."""

    def tell(self, news: News) -> None:
        """Send news; it may be lost."""

    def should_prune(self, done: EpochDone) -> str | None:
        """Send the news and wait for the word of the pruner: why the training ends here, None where it goes on."""

    def stop_asked(self) -> bool:
        """Tell whether the training should save and stop."""

    def can_save(self) -> None:
        """Say that from now on a stop is waited for; before, there is nothing to save, and a stop ends the process."""

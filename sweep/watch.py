"""What the folders of a sweep show just now, looked at again and again: what has ended is read once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.experience import Experience, experiences_in
from sweep.lease import shown_state
from sweep.log import Best, LogUnreadable, best_val_acc, read_val_acc
from sweep.pulse import Pulse, read_pulse
from sweep.record import Record, State
from sweep.resume import read_record
from sweep.root import read_asked, read_holder
from sweep.work import Work, work_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """One experience as its folder shows it: ``val_acc`` by epoch, ``pulse`` of a session that has not said its end."""

    experience: Experience
    record: Record
    state: State
    val_acc: list[float]
    work: Work
    pulse: Pulse | None = None

    @property
    def best(self) -> Best | None:
        return best_val_acc(self.val_acc)

    @property
    def trial(self) -> int:
        """The first trial that led here."""
        return min((int(entry["number"]) for entry in self.record.trials), default=0)

    @property
    def epochs(self) -> int:
        """How many epochs the whole training has."""
        return int(self.record.parameters["epochs"])

    def rows(self) -> list[Row]:
        """Return one row a trial, see ``Sight.rows``."""
        best = self.best
        return [
            {
                "trial": entry["number"],
                "id_experience": self.experience.id,
                "state": str(self.state),
                "val_acc": best.val_acc if best else None,
                "epoch": best.epoch if best else None,
                "parameters": self.record.parameters,
                "came_from": entry.get("came_from"),
            }
            for entry in self.record.trials
        ]


@dataclass(frozen=True)
class Sight:
    """All experiences under a root at one moment, by id; how the sweep was run last, and who holds the root, if anybody."""

    root: Path
    trainings: tuple[Training, ...]
    asked: dict[str, Any]
    holder: dict[str, Any] | None

    def rows(self) -> list[Row]:
        """Return one row a trial, the best val_acc first; what is missing is None.

        The keys are those of ``sweep.results.COLUMNS``, and ``came_from``: the root that the experience was merged from.
        """
        found = [row for training in self.trainings for row in training.rows()]
        return sorted(found, key=lambda row: (row["val_acc"] is None, -(row["val_acc"] or 0), row["trial"]))

    def running(self) -> list[Training]:
        """Return the trainings that run, by trial."""
        return sorted((one for one in self.trainings if one.state is State.RUNNING), key=lambda one: one.trial)

    def counts(self) -> dict[State, int]:
        """Return how many trials are in each state."""
        counts = dict.fromkeys(State, 0)
        for training in self.trainings:
            counts[training.state] += len(training.record.trials)
        return counts

    def to_do(self) -> int:
        """Return how many trials are still to be proposed."""
        return max(0, int(self.asked.get("trials", 0)) - sum(self.counts().values()))

    def is_over(self) -> bool:
        """Tell whether all trials are done that the sweep was asked for last."""
        counts = self.counts()
        return not (self.to_do() or counts[State.RUNNING] or counts[State.CUT_OFF])

    def best(self) -> Training | None:
        """Return the best of the finished trainings, the first trial of equal ones."""
        ended = [one for one in self.trainings if one.state is State.FINISHED and one.best]
        return min(ended, key=lambda one: (-one.best.val_acc if one.best else 0.0, one.trial), default=None)

    def work(self) -> Work:
        """Return the work in all of them together."""
        return sum((one.work for one in self.trainings), Work())

    def rest_s(self) -> float:
        """Return how many seconds the batches that are left will take, those of trials that are still to come included.

        A trial to come is taken for as long as those that were are on the average, equal proposals included.
        """
        work, counts = self.work(), self.counts()
        ended = sum(counts.values()) - counts[State.RUNNING] - counts[State.CUT_OFF]
        if not work.batches:
            return 0.0
        once = work.batches - work.twice_batches
        batches = work.left_batches + (self.to_do() * once / ended if ended else 0)
        return float(batches * (work.trained_s + work.prepared_s) / work.batches / self.asked.get("workers", 1))


class Watch:
    """Looks at a root. Nothing is written, and nothing is locked: whoever trains there goes on.

    Args:
        root: of a sweep; it need not be there yet.
        warn: is told once of each folder that cannot be read.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root, self._warn = root, warn
        self._ended: dict[str, tuple[object, Training]] = {}
        self._warned: set[str] = set()
        self.took_s = 0.0

    def look(self, done: Callable[[], None] = lambda: None) -> Sight:
        """Return what is there now; ``done`` is called after each folder.

        Raises:
            OSError: the drive does not answer.
        """
        begun, trainings = time.monotonic(), []
        for experience in experiences_in(self.root):
            training = self.training(experience)
            if training:
                trainings.append(training)
            done()
        sight = Sight(self.root, tuple(trainings), read_asked(self.root), read_holder(self.root))
        self.took_s = time.monotonic() - begun
        return sight

    def training(self, experience: Experience) -> Training | None:
        """Return one experience as it is now; None where its folder has no record."""
        stamp = _stamp(experience.record)
        known_stamp, known = self._ended.get(experience.id, (None, None))
        if known and stamp and stamp == known_stamp:
            return known
        record = read_record(experience)
        if not record:
            self._say_once(f"{experience.record} is missing or torn, so its trial is not shown")
            return None
        state, pulse = shown_state(experience, record), None
        if state in (State.RUNNING, State.CUT_OFF):
            pulse = read_pulse(experience.pulse)
            pulse = pulse if pulse and pulse.session == len(record.sessions) - 1 else None
        training = Training(experience, record, state, self._val_acc(experience), work_of([(experience, record)]), pulse)
        if record.outcome:
            self._ended[experience.id] = (stamp, training)
        return training

    def _val_acc(self, experience: Experience) -> list[float]:
        try:
            return read_val_acc(experience.log)
        except LogUnreadable as error:
            self._say_once(str(error))
            return []

    def _say_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size

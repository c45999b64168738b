"""What the folders of a sweep show just now, looked at again and again: what has ended is read once."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sweep.experience.accounting import Work, work_of
from sweep.experience.backup_files import read_record
from sweep.experience.folder import Experience, experiences_in
from sweep.experience.heartbeat import Heartbeat, read_heartbeat
from sweep.experience.lease import shown_state
from sweep.experience.log_csv import BestEpoch, LogUnreadable, best_of, read_curve
from sweep.experience.record import Record, State
from sweep.experience.root import read_asked
from sweep.experience.root_lock import RootHolder, read_holder
from sweep.experience.trials import TrialRecord, all_trials
from sweep.space.objectives import DEFAULT, Objective, pareto_front
from sweep.system.plain_files import NotPlain, status

Row = dict[str, Any]


@dataclass(frozen=True)
class TrainingView:
    """One experience as its folder shows it: what is monitored, by epoch, and the heartbeat of a session that has no end yet."""

    experience: Experience
    record: Record
    state: State
    curve: list[float]
    work: Work
    heartbeat: Heartbeat | None = None

    @cached_property
    def best(self) -> BestEpoch | None:
        return best_of(self.curve, self.record.objective)

    @property
    def rank(self) -> float:
        """A number that is the smaller, the better the best epoch is."""
        return self.record.objective.rank(self.best.value) if self.best else math.inf

    @property
    def trial(self) -> int:
        """The first trial that led here."""
        return min((entry.number for entry in self.record.trials), default=0)

    @property
    def epochs(self) -> int:
        """How many epochs the whole training has."""
        return int(self.record.parameters["epochs"])


@dataclass(frozen=True)
class TrialView:
    """One trial as the folders show it: its experiences, of which a repeated one has several."""

    trial_record: TrialRecord
    trainings: tuple[TrainingView, ...]

    @property
    def number(self) -> int:
        return self.trial_record.number

    @property
    def state(self) -> State:
        """That of its experience; of several, how they end together, and before that, running or cut off."""
        outcome = self.trial_record.outcome if len(self.trainings) > 1 else None
        states = [one.state for one in self.trainings]
        if outcome:
            return outcome.state
        if len(self.trainings) >= self.trial_record.repeat_count == 1:
            return states[0]
        return State.RUNNING if State.RUNNING in states else State.CUT_OFF

    @property
    def best(self) -> TrainingView:
        """The best of its experiences."""
        return min(self.trainings, key=lambda one: one.rank)

    @property
    def values(self) -> dict[str, float]:
        """The objectives, as far as they are known: those of its end, or the best of its epochs so far."""
        outcome, training = self.trial_record.outcome, self.best
        if outcome and (len(self.trainings) > 1 or len(training.record.objectives) > 1):
            return outcome.values
        return {training.record.objective.name: training.best.value} if training.best else {}

    @property
    def epoch(self) -> int | None:
        """The best epoch of the best of its experiences."""
        return self.best.best.epoch if self.best.best else None

    @property
    def is_feasible(self) -> bool:
        return self.trial_record.outcome is None or self.trial_record.outcome.is_feasible

    def ranks(self) -> list[float]:
        """Return a number for each of the objectives that is the smaller, the better it is."""
        values = self.values
        return [objective.rank_in(values) for objective in self.best.record.objectives]


@dataclass(frozen=True)
class Snapshot:
    """All experiences under a root at one moment, by id; how the sweep was run last, and who holds the root, if anybody."""

    root: Path
    trainings: tuple[TrainingView, ...]
    asked: dict[str, Any]
    holder: RootHolder | None

    @cached_property
    def trials(self) -> list[TrialView]:
        """The trials, by number."""
        trainings = {one.experience.id: one for one in self.trainings}
        known = all_trials((one.experience, one.record) for one in self.trainings)
        found = (
            TrialView(one, tuple(trainings[part.experience.id] for part in one.repeats))
            for one in known
        )
        return sorted(found, key=lambda one: one.number)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What the sweep is after: most of its experiences, for one of them may be anybody's."""
        counts = Counter(tuple(one.record.objectives) for one in self.trainings)
        return max(counts, key=counts.__getitem__, default=DEFAULT)

    @cached_property
    def front(self) -> set[int]:
        """The finished trials, by number, that no other is better than in all of the objectives; of one objective, the best."""
        ended = [
            one
            for one in self.trials
            if one.state is State.FINISHED and one.is_feasible and one.values
        ]
        on_it = pareto_front([one.ranks() for one in ended])
        return {one.number for one, is_on_it in zip(ended, on_it, strict=True) if is_on_it}

    def rows(self) -> list[Row]:
        """Return one row a trial, the best first; what is missing is None.

        The keys are ``trial``, ``id_experience``, ``state``, the objectives, ``epoch``, ``parameters``; where there are several
        objectives, ``front`` (whether it is on the Pareto front); where there are constraints, ``feasible``; where trials are
        repeated, ``spread`` (of the first objective, from its least to its greatest value) and ``repeats`` (each of them); and
        ``came_from``: the root that the experience was merged from.
        """
        several, pareto_front = len(self.objectives) > 1, self.front

        def place(one: TrialView) -> tuple[Any, ...]:
            return (
                not one.is_feasible,
                several and one.number not in pareto_front,
                *one.ranks(),
                one.number,
            )

        return [self._row(one) for one in sorted(self.trials, key=place)]

    def _row(self, one: TrialView) -> Row:
        row: Row = {
            "trial": one.number,
            "id_experience": one.best.experience.id,
            "state": str(one.state),
        }
        row |= {objective.name: one.values.get(objective.name) for objective in self.objectives}
        row |= {"epoch": one.epoch, "parameters": one.best.record.parameters}
        if len(self.objectives) > 1:
            row["front"] = one.number in self.front
        if self._has_constraints:
            row["feasible"] = one.is_feasible
        if self._has_repeats:
            bests = [part.best for part in one.trainings]
            values = [best.value for best in bests if best]
            row["spread"] = max(values) - min(values) if values else None
            row["repeats"] = [
                {
                    "id_experience": part.experience.id,
                    "seed": part.record.seed,
                    "state": str(part.state),
                    self.objectives[0].name: best.value if best else None,
                    "epoch": best.epoch if best else None,
                }
                for part, best in zip(one.trainings, bests, strict=True)
            ]
        return {**row, "came_from": one.trial_record.entry.came_from}

    @cached_property
    def _has_constraints(self) -> bool:
        return any(
            one.record.outcome and one.record.outcome.constraints is not None
            for one in self.trainings
        )

    @cached_property
    def _has_repeats(self) -> bool:
        return any(one.trial_record.repeat_count > 1 for one in self.trials)

    def running(self) -> list[TrainingView]:
        """Return the trainings that run, by trial."""
        return sorted(
            (one for one in self.trainings if one.state is State.RUNNING), key=lambda one: one.trial
        )

    def counts(self) -> dict[State, int]:
        """Return how many trials are in each state."""
        counts = dict.fromkeys(State, 0)
        for trial in self.trials:
            counts[trial.state] += 1
        return counts

    def to_do(self) -> int:
        """Return how many trials are still to be proposed."""
        return max(0, int(self.asked.get("trials", 0)) - sum(self.counts().values()))

    def is_over(self) -> bool:
        """Tell whether all trials are done that the sweep was asked for last."""
        counts = self.counts()
        return not (self.to_do() or counts[State.RUNNING] or counts[State.CUT_OFF])

    def best(self) -> TrialView | None:
        """Return the best finished trial that keeps the constraints, by the first of the objectives; the first of equals."""
        ended = [one for one in self.trials if one.number in self.front]
        return min(ended, key=lambda one: (*one.ranks(), one.number), default=None)

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
        return float(
            batches
            * (work.trained_s + work.prepared_s)
            / work.batches
            / self.asked.get("workers", 1)
        )


class SnapshotReader:
    """Looks at a root. Nothing is written, and nothing is locked: whoever trains there goes on.

    Args:
        root: of a sweep; it need not be there yet.
        warn: is told once of each folder that cannot be read.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root, self._warn = root, warn
        self._ended: dict[str, tuple[object, TrainingView]] = {}
        self._warned: set[str] = set()
        self.took_s = 0.0

    def look(self, done: Callable[[], None] = lambda: None) -> Snapshot:
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
        sight = Snapshot(self.root, tuple(trainings), read_asked(self.root), read_holder(self.root))
        self.took_s = time.monotonic() - begun
        return sight

    def training(self, experience: Experience) -> TrainingView | None:
        """Return one experience as it is now; None where its folder has no record."""
        stamp = _stamp(experience.record)
        known_stamp, known = self._ended.get(experience.id, (None, None))
        if known and stamp and stamp == known_stamp:
            return known
        record = read_record(experience)
        if not record:
            self._say_once(f"{experience.record} is missing or torn, so its trial is not shown")
            return None
        state, heartbeat = shown_state(experience, record), None
        if state in (State.RUNNING, State.CUT_OFF):
            heartbeat = read_heartbeat(experience.heartbeat)
            heartbeat = (
                heartbeat if heartbeat and heartbeat.session == len(record.sessions) - 1 else None
            )
        training = TrainingView(
            experience,
            record,
            state,
            self._curve(experience, record),
            work_of([(experience, record)]),
            heartbeat,
        )
        if record.outcome:
            self._ended[experience.id] = (stamp, training)
        return training

    def _curve(self, experience: Experience, record: Record) -> list[float]:
        try:
            return read_curve(experience.log, record.objective.name)
        except LogUnreadable as error:
            self._say_once(str(error))
            return []

    def _say_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = status(path)
    except (FileNotFoundError, NotPlain):
        return None
    return found.st_mtime_ns, found.st_size

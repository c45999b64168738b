"""What a snapshot shows of one training and of one trial."""

import math
from dataclasses import dataclass
from functools import cached_property

from sweep.experience.accounting import Work
from sweep.experience.folder import Experience
from sweep.experience.heartbeat import Heartbeat
from sweep.experience.log_csv import BestEpoch, best_of
from sweep.experience.record import Record, State
from sweep.experience.trials import TrialRecord


@dataclass(frozen=True)
class TrainingView:
    """One experience as its folder shows it.

    ``curve`` is the monitored value of each epoch, and ``heartbeat`` that of a session that has not
    ended.
    """

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
        """The value of the best epoch as a rank: the smaller, the better."""
        return self.record.objective.rank(self.best.value) if self.best else math.inf

    @property
    def trial(self) -> int:
        """The number of the first trial that led here."""
        return min((entry.number for entry in self.record.trials), default=0)

    @property
    def epochs(self) -> int:
        """The number of epochs of the whole training."""
        return int(self.record.parameters["epochs"])


@dataclass(frozen=True)
class TrialView:
    """One trial as the folders show it; a repeated one has several experiences."""

    trial_record: TrialRecord
    trainings: tuple[TrainingView, ...]

    @property
    def number(self) -> int:
        return self.trial_record.number

    @property
    def state(self) -> State:
        """The state of its experience, or the combined state of several.

        Until all repeats have ended, that is running, paused or interrupted.
        """
        outcome = self.trial_record.outcome if len(self.trainings) > 1 else None
        states = [training.state for training in self.trainings]
        if outcome:
            return outcome.state
        if len(self.trainings) >= self.trial_record.repeat_count == 1:
            return states[0]
        open_states = (State.RUNNING, State.PAUSED)
        return next((state for state in open_states if state in states), State.CUT_OFF)

    @property
    def best(self) -> TrainingView:
        """The best of its experiences."""
        return min(self.trainings, key=lambda training: training.rank)

    @property
    def values(self) -> dict[str, float]:
        """The known objectives: those of the outcome, or the best so far."""
        outcome, training = self.trial_record.outcome, self.best
        if outcome and (len(self.trainings) > 1 or len(training.record.objectives) > 1):
            return outcome.values
        return {training.record.objective.name: training.best.value} if training.best else {}

    @property
    def epoch(self) -> int | None:
        """The best epoch of its best experience."""
        return self.best.best.epoch if self.best.best else None

    @property
    def is_feasible(self) -> bool:
        return self.trial_record.outcome is None or self.trial_record.outcome.is_feasible

    @property
    def approximate_because(self) -> str:
        """Why it may differ from an uninterrupted training; "" where nothing says so."""
        reasons = (training.record.approximate_because for training in self.trainings)
        return "; ".join(dict.fromkeys(filter(None, reasons)))

    def ranks(self) -> list[float]:
        """Return the objectives as ranks: the smaller, the better."""
        values = self.values
        return [objective.rank_in(values) for objective in self.best.record.objectives]

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

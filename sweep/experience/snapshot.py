"""A snapshot of a sweep: all that its folders show at one moment."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sweep.experience.accounting import Work
from sweep.experience.record import State
from sweep.experience.root_lock import RootHolder
from sweep.experience.trials import all_trials
from sweep.experience.untrained import UntrainedTrial
from sweep.experience.views import TrainingView, TrialView
from sweep.space.objectives import DEFAULT, Objective, pareto_front

Row = dict[str, Any]
# In a table, trials of the other states are between these.
FIRST, LAST = State.FINISHED, State.FAILED


@dataclass(frozen=True)
class Snapshot:
    """All experiences under a root at one moment, by id.

    ``asked`` is how the sweep was run last, and ``holder`` the process that holds the root, if any.
    ``untrained`` are the trials that have ended without an experience.
    """

    root: Path
    trainings: tuple[TrainingView, ...]
    asked: dict[str, Any]
    holder: RootHolder | None
    untrained: tuple[UntrainedTrial, ...] = ()

    @cached_property
    def trials(self) -> list[TrialView]:
        """The trials, by number."""
        by_id = {training.experience.id: training for training in self.trainings}
        trials = all_trials((training.experience, training.record) for training in self.trainings)
        views = [
            TrialView(trial, tuple(by_id[repeat.experience.id] for repeat in trial.repeats))
            for trial in trials
        ]
        return sorted(views, key=lambda trial: trial.number)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives of most of the trained experiences, for one of them may be anybody's."""
        trained = [training for training in self.trainings if training.curve] or self.trainings
        counts = Counter(tuple(training.record.objectives) for training in trained)
        return max(counts, key=counts.__getitem__, default=DEFAULT)

    @cached_property
    def front(self) -> set[int]:
        """The numbers of the finished trials on the Pareto front; of one objective, the best."""
        finished = [
            trial
            for trial in self.trials
            if trial.state is State.FINISHED and trial.is_feasible and trial.values
        ]
        on_front = pareto_front([trial.ranks() for trial in finished])
        return {trial.number for trial, is_on in zip(finished, on_front, strict=True) if is_on}

    @cached_property
    def ranked(self) -> list[TrialView]:
        """The trials, the best first.

        A trial that has not finished is behind all that have, and a failed one behind all others.
        """
        has_front, front = len(self.objectives) > 1, self.front

        def place(trial: TrialView) -> tuple[Any, ...]:
            is_behind = has_front and trial.number not in front
            how_far = (trial.state is not FIRST, trial.state is LAST)
            return (*how_far, not trial.is_feasible, is_behind, *trial.ranks(), trial.number)

        return sorted(self.trials, key=place)

    def rows(self) -> list[Row]:
        """Return one row a trial, in the order of ``ranked``; a missing value is None.

        The keys are ``trial``, ``id_experience``, ``state``, the objectives, ``epoch`` and
        ``parameters``. With several objectives there is ``front`` (whether the trial is on the
        Pareto front), with constraints ``feasible``, and with repeats ``spread`` (of the first
        objective, from the least to the greatest value) and ``repeats`` (one entry each).
        ``came_from`` is the root that the experience was merged from, and ``approximate`` tells
        whether it may differ from an uninterrupted training.
        """
        return [self._row(trial) for trial in self.ranked]

    def _row(self, trial: TrialView) -> Row:
        row: Row = {
            "trial": trial.number,
            "id_experience": trial.best.experience.id,
            "state": str(trial.state),
        }
        row |= {objective.name: trial.values.get(objective.name) for objective in self.objectives}
        row |= {"epoch": trial.epoch, "parameters": trial.best.record.parameters}
        if len(self.objectives) > 1:
            row["front"] = trial.number in self.front
        if self._has_constraints:
            row["feasible"] = trial.is_feasible
        if self._has_repeats:
            values = [training.best.value for training in trial.trainings if training.best]
            row["spread"] = max(values) - min(values) if values else None
            row["repeats"] = [self._row_of_repeat(training) for training in trial.trainings]
        row["came_from"] = trial.trial_record.entry.came_from
        return {**row, "approximate": bool(trial.approximate_because)}

    def _row_of_repeat(self, training: TrainingView) -> Row:
        best = training.best
        return {
            "id_experience": training.experience.id,
            "seed": training.record.seed,
            "state": str(training.state),
            self.objectives[0].name: best.value if best else None,
            "epoch": best.epoch if best else None,
        }

    @cached_property
    def _has_constraints(self) -> bool:
        outcomes = [training.record.outcome for training in self.trainings]
        return any(outcome and outcome.constraints is not None for outcome in outcomes)

    @cached_property
    def _has_repeats(self) -> bool:
        return any(trial.trial_record.repeat_count > 1 for trial in self.trials)

    def running(self) -> list[TrainingView]:
        """Return the trainings that are running, by trial."""
        running = [training for training in self.trainings if training.state is State.RUNNING]
        return sorted(running, key=lambda training: training.trial)

    def counts(self) -> dict[State, int]:
        """Return how many trials are in each state."""
        counts = dict.fromkeys(State, 0)
        for trial in self.trials:
            counts[trial.state] += 1
        for untrained in self.untrained:
            counts[untrained.state] += 1
        return counts

    def to_do(self) -> int:
        """Return how many trials are still to be proposed."""
        return max(0, int(self.asked.get("trials", 0)) - sum(self.counts().values()))

    def stamp(self) -> str:
        """Return a text that is another once a trial, an epoch, a session or an end has come."""
        seen = [
            (
                training.experience.id,
                training.state,
                len(training.curve),
                len(training.record.sessions),
                [entry.ended for entry in training.record.trials],
            )
            for training in self.trainings
        ]
        untrained = [(one.number, one.state) for one in self.untrained]
        return hashlib.sha256(repr([seen, untrained, self.asked]).encode()).hexdigest()

    def is_over(self) -> bool:
        """Tell whether all trials that the sweep was asked for last have ended, or stay paused."""
        counts = self.counts()
        may_go_on = counts[State.PAUSED] and self.holder
        return not (self.to_do() or counts[State.RUNNING] or counts[State.CUT_OFF] or may_go_on)

    def best(self) -> TrialView | None:
        """Return the best finished trial that keeps the constraints, by the first objective.

        Of equal trials, the first counts.
        """
        on_front = [trial for trial in self.trials if trial.number in self.front]
        return min(on_front, key=lambda trial: (*trial.ranks(), trial.number), default=None)

    def work(self) -> Work:
        """Return the work of all trainings together."""
        return sum((training.work for training in self.trainings), Work())

    def rest_s(self) -> float:
        """Return the seconds that the remaining batches will take, trials still to come included.

        Such a trial is assumed to take the mean time of those so far, equal proposals and what is
        left of those in training included.
        """
        work, begun = self.work(), sum(self.counts().values())
        if not work.batches:
            return 0.0
        of_those_begun = work.batches - work.repeated_batches + work.left_batches
        batches = work.left_batches + self.to_do() * of_those_begun / begun
        spent_s, workers = work.trained_s + work.prepared_s, self.asked.get("workers", 1)
        return float(batches * spent_s / work.batches / workers)

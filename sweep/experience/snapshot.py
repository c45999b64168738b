"""What the folders of a sweep show just now, looked at again and again: what has ended is read once."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sweep.experience.accounting import Work
from sweep.experience.record import State
from sweep.experience.root_lock import RootHolder
from sweep.experience.trials import all_trials
from sweep.experience.views import TrainingView, TrialView
from sweep.space.objectives import DEFAULT, Objective, pareto_front

Row = dict[str, Any]


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

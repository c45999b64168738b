"""Which paused training is taken further: successive halving, asynchronous or not.

A training is paused at the rungs of a ladder, and only the best of a rung are taken to the next
one. Since a paused training resumes exactly, none of it is lost, and a decision can be made as soon
as there is one to make. All decisions are functions of how far the trainings have come.

Asynchronous: L. Li et al., "A System for Massively Parallel Hyperparameter Tuning" (2020), ASHA.
Synchronous, and brackets: L. Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
Optimization" (2018).
"""

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sweep.choice import Choice
from sweep.names import SCHEDULERS

DEFAULTS = {"eta": 4, "min_epochs": 1, "brackets": 1}
OPTIONS = {name: frozenset({"int"}) for name in DEFAULTS}
LEAST = {"eta": 2, "min_epochs": 1, "brackets": 1}


class Stage(Enum):
    """What becomes of an experience now."""

    PAUSED = auto()
    UNDER_WAY = auto()
    OVER = auto()  # finished or pruned
    FAILED = auto()


@dataclass(frozen=True)
class Standing:
    """How far an experience has come.

    Attributes:
        number: of the first trial that led there.
        epochs: of the whole training.
        reached: the epochs after which it was paused last.
        ranks: the rank of the best epoch so far, after each epoch that counts; the smaller, the
            better.
        stage: what becomes of it now.
    """

    number: int
    epochs: int
    reached: int
    ranks: Sequence[float]
    stage: Stage

    def rank_at(self, rung: int) -> float:
        """Return its rank after so many epochs; infinity where it has no value."""
        known = self.ranks[:rung]
        return known[-1] if known else math.inf

    def is_beyond(self, until: int | None) -> bool:
        """Tell whether there is nothing to train before an epoch; None is the end."""
        if self.stage in (Stage.OVER, Stage.FAILED):
            return True
        return self.stage is Stage.PAUSED and until is not None and self.reached >= until


class Scheduler:
    """Says to which epoch a training goes, and which paused one goes on.

    Args:
        choice: ``asha`` or ``sh``, with the options ``eta``, ``min_epochs`` and ``brackets``.
        epochs: of a training.

    Raises:
        Misuse: it does not take these options.
    """

    def __init__(self, choice: Choice, epochs: int) -> None:
        choice.check(OPTIONS)
        options = {**DEFAULTS, **choice.options}
        for name, least in LEAST.items():
            if options[name] < least:
                raise choice.wrong(f"{name} is {options[name]}: give an integer from {least} on")
        self._eta, self._least = int(options["eta"]), int(options["min_epochs"])
        if self._least >= epochs:
            raise choice.wrong(f"min_epochs is {self._least}, and a training has {epochs} epochs")
        self._is_synchronous = choice.name == "sh"
        steps = len(self._ladder(epochs))
        if options["brackets"] > steps + 1:
            raise choice.wrong(f"a training of {epochs} epochs has {steps + 1} brackets at most")
        # Hyperband's sizes: each bracket trains about as many epochs.
        self._sizes: list[int] = [
            math.ceil((steps + 1) / (steps + 1 - bracket) * self._eta ** (steps - bracket))
            for bracket in range(options["brackets"])
        ]

    def until(self, number: int, epochs: int, reached: int = 0) -> int | None:
        """Return the epoch before which a training is paused next; None trains it to its end.

        Args:
            number: of its trial.
            epochs: of the whole training.
            reached: after how many epochs it is paused now.
        """
        return next((rung for rung in self._rungs(number, epochs) if rung > reached), None)

    def next_to_resume(
        self, standings: Iterable[Standing], begun: int, is_last: bool
    ) -> Standing | None:
        """Return the paused training that is taken to its next rung now; None where there is none.

        Args:
            standings: of all experiences.
            begun: how many trials have been proposed.
            is_last: whether no further trial will be.
        """
        groups: dict[tuple[int, int], list[Standing]] = defaultdict(list)
        for standing in standings:
            if standing.stage is not Stage.FAILED:
                groups[self._group_of(standing.number)].append(standing)
        for place, group in sorted(groups.items()):
            if self._is_synchronous:
                is_whole = is_last or begun >= self._end_of(place)
                chosen = self._next_of_cohort(group) if is_whole else None
            else:
                chosen = self._next_of_ladder(group)
            if chosen:
                return chosen
        return None

    def _ladder(self, epochs: int) -> list[int]:
        """Return the epochs after which a training is paused."""
        powers = (self._least * self._eta**power for power in itertools.count())
        return list(itertools.takewhile(lambda rung: rung < epochs, powers))

    def _rungs(self, number: int, epochs: int) -> list[int]:
        _, bracket = self._place_of(number)
        return self._ladder(epochs)[bracket:]

    def _place_of(self, number: int) -> tuple[int, int]:
        """Return the round of all brackets in which a trial is, and its bracket."""
        turn, rest = divmod(number, sum(self._sizes))
        ends = itertools.accumulate(self._sizes)
        return turn, next(bracket for bracket, end in enumerate(ends) if rest < end)

    def _group_of(self, number: int) -> tuple[int, int]:
        """Return what is equal for trials that are compared with each other."""
        turn, bracket = self._place_of(number)
        return (turn if self._is_synchronous else 0), bracket

    def _end_of(self, place: tuple[int, int]) -> int:
        """Return the number of the first trial after those of a cohort."""
        turn, bracket = place
        return turn * sum(self._sizes) + sum(self._sizes[: bracket + 1])

    def _next_of_ladder(self, group: Sequence[Standing]) -> Standing | None:
        """Return the best that may go on from the highest rung that has one."""
        for rung in reversed(self._rungs_of(group)):
            for standing in self._best_of(self._results(group, rung), rung):
                if standing.stage is Stage.PAUSED and standing.reached == rung:
                    return standing
        return None

    def _next_of_cohort(self, cohort: Sequence[Standing]) -> Standing | None:
        """Return the next that may go on from the lowest rung at which all have come."""
        for rung in self._rungs_of(cohort):
            cohort = [one for one in cohort if rung in self._rungs(one.number, one.epochs)]
            results = self._results(cohort, rung)
            if len(results) < len(cohort):
                return None  # some are under way
            cohort = self._best_of(results, rung)
            for standing in cohort:
                if standing.stage is Stage.PAUSED and standing.reached == rung:
                    return standing
        return None

    def _rungs_of(self, group: Iterable[Standing]) -> list[int]:
        return sorted({rung for one in group for rung in self._rungs(one.number, one.epochs)})

    def _results(self, group: Iterable[Standing], rung: int) -> list[Standing]:
        """Return those that have come to a rung, or ended on their way there."""
        return [standing for standing in group if self._has_come_to(standing, rung)]

    def _has_come_to(self, standing: Standing, rung: int) -> bool:
        if standing.reached >= rung:
            return True
        if standing.stage is not Stage.OVER:
            return False
        rungs = self._rungs(standing.number, standing.epochs)
        last = rungs[: bisect.bisect_left(rungs, len(standing.ranks)) + 1]
        return rung in last

    def _best_of(self, results: Iterable[Standing], rung: int) -> list[Standing]:
        """Return the best of a rung, which may go on."""
        ordered = sorted(results, key=lambda one: (one.rank_at(rung), one.number))
        return ordered[: len(ordered) // self._eta]


def scheduler_of(text: str, epochs: int) -> Scheduler | None:
    """Return the scheduler that ``--scheduler`` names, or None.

    Raises:
        Misuse: there is no such scheduler, or it does not take these options.
    """
    choice = Choice.read("scheduler", text, SCHEDULERS)
    return Scheduler(choice, epochs) if choice.name != "none" else None

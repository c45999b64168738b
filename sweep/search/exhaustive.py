"""Every combination once: a grid in its order, brute force in any order. What is left is told by the trials alone."""

import random
import weakref
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError

ValuesOf = Callable[[str, BaseDistribution], Sequence[Any]]
Steps = Iterable[tuple[str, BaseDistribution, Any]]


class Node:
    """What has been tried once the parameters before it are given: the next one, its values, and which are used up.

    A trial that ended here counts as long as no other went on from here: one that raised is tried, too.
    """

    def __init__(self) -> None:
        self.is_end = False
        self._next: tuple[str, BaseDistribution] | None = None
        self._values: Sequence[Any] = ()
        self._children: dict[
            tuple[str, str], Node
        ] = {}  # by name and value, for not all values can be hashed
        self._used_up: set[int] = set()

    def ask(
        self,
        name: str,
        distribution: BaseDistribution,
        values: Callable[[str, BaseDistribution], Sequence[Any]],
    ) -> None:
        """Note which parameter comes next. Where the search space was changed, its latest word counts."""
        if (name, distribution) == self._next:
            return
        self._values, self._next = values(name, distribution), (name, distribution)
        there = enumerate(map(self._known_child, self._values)) if self._children else ()
        self._used_up = {index for index, child in there if child and child.is_used_up}

    @property
    def is_used_up(self) -> bool:
        return not self.left() if self._next else self.is_end

    def child(self, value: Any) -> "Node | None":
        """Return what comes after a value of the parameter that comes next; None where it is none of the values."""
        return (
            self._children.setdefault(self._key(value), Node()) if value in self._values else None
        )

    def note(self, value: Any, child: "Node") -> None:
        """Note whether what comes after a value is used up."""
        index = self._values.index(value)
        (self._used_up.add if child.is_used_up else self._used_up.discard)(index)

    def left(self) -> int:
        """Return how many of its values are not used up."""
        return len(self._values) - len(self._used_up)

    def pick(self, which: int) -> Any:
        """Return one of the values that are not used up, counted from 0."""
        for index in sorted(self._used_up):
            if index > which:
                break
            which += 1
        return self._values[which]

    def count(self) -> int:
        """Return how many combinations from here have been tried."""
        if not self._next:
            return int(self.is_end)
        return sum(child.count() for child in map(self._known_child, self._values) if child)

    def _known_child(self, value: Any) -> "Node | None":
        return self._children.get(self._key(value))

    def _key(self, value: Any) -> tuple[str, str]:
        return (self._next[0] if self._next else "", repr(value))


class Tree:
    """The tree of the choices, as the trials with the first numbers have made them.

    Args:
        points: how many values a continuous parameter has; None refuses it.

    ``size`` is how many trials, by their numbers, have left something in it.
    """

    def __init__(self, points: int | None) -> None:
        self._points, self.root = points, Node()
        self.size = self._ended = 0

    def grow(self, trials: Sequence[FrozenTrial], number: int) -> None:
        """Take in the trials below a number. One that had not ended may know more of its parameters by now."""
        for trial in trials[self._ended : number]:
            self._add(trial)
            if trial.number == self._ended and trial.state.is_finished():
                self._ended += 1
            if trial.params:
                self.size = max(self.size, trial.number + 1)

    def find(self, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Node:
        """Return where a trial is that asks for its next parameter; a new node where nobody was before.

        Raises:
            SweepError: the parameter is continuous.
        """
        node: Node | None = self.root
        for before, kind, value in _steps(trial):
            if node:
                node.ask(before, kind, self._values)
                node = node.child(value)
        node = node or Node()
        node.ask(name, distribution, self._values)
        return node

    def _add(self, trial: FrozenTrial) -> None:
        path, node = [], self.root
        for name, distribution, value in _steps(trial):
            node.ask(name, distribution, self._values)
            child = node.child(value)
            if not child:
                return
            path.append((node, value, child))
            node = child
        # Without a parameter, asked for just now or failed, it has tried nothing; ended well, it has tried all there is.
        node.is_end = (
            node.is_end or bool(path) or trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        )
        for parent, value, child in reversed(path):
            parent.note(value, child)

    def _values(self, name: str, distribution: BaseDistribution) -> Sequence[Any]:
        values = values_of(distribution, self._points)
        if values is None:
            raise SweepError(
                f"brute_force tries each value, and {name!r} is continuous: give it a step, or take --sampler grid, "
                "which tries so many points of it."
            )
        return values


def values_of(distribution: BaseDistribution, points: int | None) -> Sequence[Any] | None:
    """Return the values of a parameter, in their order; None where it is continuous and ``points`` is None.

    Args:
        distribution: of the parameter.
        points: of a continuous one, and of an integer in the log that has more values: evenly spaced, in the log where
            the distribution is log, both ends included.
    """
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        raise TypeError(f"{distribution} is no distribution of Optuna's")
    if distribution.single():
        return [distribution.low]
    if isinstance(distribution, IntDistribution):
        every = range(distribution.low, distribution.high + 1, distribution.step)
        if not distribution.log or points is None or len(every) <= points:
            return every
        return sorted({round(value) for value in _evenly(distribution, points)})
    if distribution.step is not None:  # in decimals, as Optuna counts: 0.1 + 0.1 + 0.1 is 0.3
        low, step = Decimal(str(distribution.low)), Decimal(str(distribution.step))
        return [
            float(low + count * step)
            for count in range(int((Decimal(str(distribution.high)) - low) / step) + 1)
        ]
    return None if points is None else _evenly(distribution, points)


def _evenly(distribution: IntDistribution | FloatDistribution, points: int) -> list[float]:
    space = np.geomspace if distribution.log else np.linspace
    low, high = float(distribution.low), float(distribution.high)
    return [low, *(float(value) for value in space(low, high, points)[1:-1]), high]


def _steps(trial: FrozenTrial) -> Steps:
    return ((name, trial.distributions[name], value) for name, value in trial.params.items())


Trees = weakref.WeakKeyDictionary[optuna.Study, Tree]


class Enumeration(BaseSampler):
    """Proposes each combination once. What it proposes is a function of the trials with numbers below the trial's own.

    Optuna's own grid keeps its order in the trials, and needs the whole grid beforehand; its brute force asks which trials
    are there at this moment, and ends a study by an error. Both would differ after a restart.

    Args:
        seed: of the draws.
        points: see ``values_of``.
        trees: what has grown already, by study: shared by the samplers of one study's trials.
    """

    def __init__(self, seed: int, points: int | None, trees: Trees) -> None:
        self._random, self._points, self._trees = random.Random(seed), points, trees

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        node = self._grown(study, trial.number).find(trial, param_name, param_distribution)
        if not node.left():  # with several workers, the last combinations may be on their way
            return values_of(param_distribution, self._points)[0]  # type: ignore[index] # ``find`` has refused None
        return node.pick(self._which(node.left()))

    def tried(self, study: optuna.Study) -> int | None:
        """Return how many combinations there are, once all of them have been tried; None before."""
        root = self._grown(study, None).root
        return root.count() if root.is_used_up else None

    def _which(self, left: int) -> int:
        """Return which of so many to propose."""
        raise NotImplementedError

    def _grown(self, study: optuna.Study, number: int | None) -> Tree:
        trials = study.get_trials(deepcopy=False)
        number = len(trials) if number is None else number
        tree = self._trees.get(study)
        if not tree or tree.size > number:
            tree = self._trees[study] = Tree(self._points)
        tree.grow(trials, number)
        return tree


class Grid(Enumeration):
    """The first combination that is not tried, in the order of the values; a continuous parameter has ``points`` of them."""

    def __init__(self, seed: int, trees: Trees, points: int = 5) -> None:
        """Raises ValueError for fewer than two points."""
        if points < 2:
            raise ValueError(f"points is {points}: give at least 2")
        super().__init__(seed, points, trees)

    def _which(self, left: int) -> int:
        return 0


class BruteForce(Enumeration):
    """Any combination that is not tried."""

    def __init__(self, seed: int, trees: Trees) -> None:
        super().__init__(seed, None, trees)

    def _which(self, left: int) -> int:
        return self._random.randrange(left)

"""The tree of the choices that the trials of a study have made, and which branches are used up."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError


class ChoiceNode:
    """The state after some parameters were chosen: the next parameter and its unused values.

    A trial that ended here counts as long as no other went further: one that raised is tried, too.
    """

    def __init__(self) -> None:
        self.is_end = False
        self._next: tuple[str, BaseDistribution] | None = None
        self._values: Sequence[Any] = ()
        # By the name and the text of the value, for not all values can be hashed.
        self._children: dict[tuple[str, str], ChoiceNode] = {}
        self._used_up: set[int] = set()

    def set_next(
        self,
        name: str,
        distribution: BaseDistribution,
        values_of: Callable[[str, BaseDistribution], Sequence[Any]],
    ) -> None:
        """Note which parameter comes next; the last call counts, as the search space may change."""
        if (name, distribution) == self._next:
            return
        self._values, self._next = values_of(name, distribution), (name, distribution)
        children = enumerate(map(self._known_child, self._values)) if self._children else ()
        self._used_up = {index for index, child in children if child and child.is_used_up}

    @property
    def is_used_up(self) -> bool:
        return not self.left() if self._next else self.is_end

    def child(self, value: Any) -> "ChoiceNode | None":
        """Return the node after a value of the next parameter; None if that has no such value."""
        if value not in self._values:
            return None
        return self._children.setdefault(self._key(value), ChoiceNode())

    def note(self, value: Any, child: "ChoiceNode") -> None:
        """Note whether the node after a value is used up."""
        index = self._values.index(value)
        (self._used_up.add if child.is_used_up else self._used_up.discard)(index)

    def left(self) -> int:
        """Return how many values of the next parameter are not used up."""
        return len(self._values) - len(self._used_up)

    def pick(self, position: int) -> Any:
        """Return the value at a position, from 0, among those that are not used up."""
        for index in sorted(self._used_up):
            if index > position:
                break
            position += 1
        return self._values[position]

    def count(self) -> int:
        """Return how many combinations from here have been tried."""
        if not self._next:
            return int(self.is_end)
        return sum(child.count() for child in map(self._known_child, self._values) if child)

    def _known_child(self, value: Any) -> "ChoiceNode | None":
        return self._children.get(self._key(value))

    def _key(self, value: Any) -> tuple[str, str]:
        return (self._next[0] if self._next else "", repr(value))


class ChoiceTree:
    """The tree of the choices that the trials with the lowest numbers have made.

    Args:
        points: how many values a continuous parameter has; None refuses such a parameter.

    Attributes:
        size: how many trials, counted by their numbers, have left something in the tree.
    """

    def __init__(self, points: int | None) -> None:
        self._points, self.root = points, ChoiceNode()
        self.size = self._ended = 0

    def grow(self, trials: Sequence[FrozenTrial], number: int) -> None:
        """Add the trials below a number. One that had not ended may have more parameters by now."""
        for trial in trials[self._ended : number]:
            self._add(trial)
            if trial.number == self._ended and trial.state.is_finished():
                self._ended += 1
            if trial.params:
                self.size = max(self.size, trial.number + 1)

    def find(self, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> ChoiceNode:
        """Return the node of a trial that asks for its next parameter.

        It is a new node if no trial was there before.

        Raises:
            SweepError: the parameter is continuous.
        """
        node: ChoiceNode | None = self.root
        for earlier_name, earlier_distribution, value in _steps(trial):
            if node:
                node.set_next(earlier_name, earlier_distribution, self._values)
                node = node.child(value)
        node = node or ChoiceNode()
        node.set_next(name, distribution, self._values)
        return node

    def _add(self, trial: FrozenTrial) -> None:
        path, node = [], self.root
        for name, distribution, value in _steps(trial):
            node.set_next(name, distribution, self._values)
            child = node.child(value)
            if not child:
                return
            path.append((node, value, child))
            node = child
        # A trial without a parameter was just asked for, or failed: it has tried nothing. If it
        # ended well, the search space has no parameter, and everything was tried.
        ended_well = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        node.is_end = node.is_end or bool(path) or ended_well
        for parent, value, child in reversed(path):
            parent.note(value, child)

    def _values(self, name: str, distribution: BaseDistribution) -> Sequence[Any]:
        values = values_of(distribution, self._points)
        if values is None:
            raise SweepError(
                f"brute_force tries each value, and {name!r} is continuous: give it a step, or "
                "take --sampler grid, which tries so many points of it."
            )
        return values


def values_of(distribution: BaseDistribution, points: int | None) -> Sequence[Any] | None:
    """Return the values of a parameter, in their order.

    Args:
        distribution: of the parameter.
        points: the number of values of a continuous parameter, and the most that an integer on a
            log scale gets. They are evenly spaced (on a log scale, in the logarithm), both ends
            included.

    Returns:
        None if the parameter is continuous and ``points`` is None.
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
    if distribution.step is not None:
        return _values_of_steps(distribution, distribution.step)
    return None if points is None else _evenly(distribution, points)


def _values_of_steps(distribution: FloatDistribution, step: float) -> list[float]:
    """Count in decimals, as Optuna does: 0.1 + 0.1 + 0.1 is 0.3."""
    low, high = Decimal(str(distribution.low)), Decimal(str(distribution.high))
    exact_step = Decimal(str(step))
    return [float(low + count * exact_step) for count in range(int((high - low) / exact_step) + 1)]


def _evenly(distribution: IntDistribution | FloatDistribution, points: int) -> list[float]:
    space = np.geomspace if distribution.log else np.linspace
    low, high = float(distribution.low), float(distribution.high)
    return [low, *(float(value) for value in space(low, high, points)[1:-1]), high]


def _steps(trial: FrozenTrial) -> Iterable[tuple[str, BaseDistribution, Any]]:
    return ((name, trial.distributions[name], value) for name, value in trial.params.items())

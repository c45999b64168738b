"""The objectives of a sweep: the metrics that ``MONITOR`` names, and which way is better."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sweep.space.directions import direction_of
from sweep.wording import nearest

MODES = ("max", "min")
# Objectives that are no columns of log.csv: the number of weights of the model, and the seconds
# that one of its epochs takes.
MEASURED = ("count_params", "seconds_per_epoch")
# Without MONITOR, the objective is the first of these that the model has.
UNNAMED = ("val_acc", "val_accuracy")


class Objective(NamedTuple):
    """One metric, a column of ``log.csv`` or one of ``MEASURED``, and its mode: max or min."""

    name: str
    mode: str

    def rank(self, value: float) -> float:
        """Return a number that is smaller for a better ``value``."""
        return -value if self.mode == "max" else value

    def rank_in(self, values: Mapping[str, float]) -> float:
        """Return the rank of this metric's value among ``values``; infinity where it has none."""
        return self.rank(values[self.name]) if self.name in values else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether ``value`` is better than the other; NaN never is."""
        return self.rank(value) < self.rank(than)


Objectives = tuple[Objective, ...]
DEFAULT = (Objective(UNNAMED[0], "max"),)


def describe_objectives(objectives: Iterable[Objective]) -> str:
    """Return the objectives in words: ``val_acc (max), val_loss (min)``."""
    return ", ".join(f"{name} ({mode})" for name, mode in objectives)


def possible_objectives(monitor: Any, mode: Any) -> tuple[Objectives, ...]:
    """Return the objectives that ``MONITOR`` and ``MODE`` of a search space name.

    Without ``MONITOR`` there are several possible ones, and the model says which. They have the
    same modes, so that a study need not know.

    Raises:
        ValueError: as for ``objectives_of``.
    """
    monitors = UNNAMED if monitor is None else (monitor,)
    return tuple(objectives_of(monitor, mode) for monitor in monitors)


def objectives_of(monitor: Any, mode: Any) -> Objectives:
    """Return the objectives of these names and modes.

    The first objective decides which epoch is the best.

    Args:
        monitor: a name, or a list of names.
        mode: max or min, a list of them, or None where the names say it.

    Raises:
        ValueError: they are something else; the message says what to write.
    """
    names = _as_list("MONITOR", monitor)
    modes = [_usual_mode(name) for name in names] if mode is None else _as_list("MODE", mode)
    if len(modes) != len(names) or not names or len(set(names)) != len(names):
        raise ValueError(
            f"MONITOR has the names {names!r} and MODE {modes!r}: "
            "give each name once, and each a mode"
        )
    for text in modes:
        if text not in MODES:
            near = nearest(text, MODES, 0.3) or MODES[0]
            raise ValueError(f"MODE has {text!r}: write {near!r}")
    if names[0] in MEASURED:
        raise ValueError(
            f"the first of MONITOR decides the best epoch, and {names[0]} is the same in all: "
            "put a metric there"
        )
    return tuple(map(Objective, names, modes))


def _as_list(constant: str, value: Any) -> list[str]:
    names = list(value) if isinstance(value, list | tuple) else [value]
    if any(not isinstance(name, str) for name in names):
        raise ValueError(f"{constant} is {value!r}: write a name, or a list of names")
    return names


def _usual_mode(name: str) -> str:
    mode = "min" if name in MEASURED else direction_of(name)
    if not mode:
        raise ValueError(
            f"MONITOR has {name!r}, and there is no MODE: "
            'say which way is better, by MODE = "max" or "min"'
        )
    return mode


def is_covered(point: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
    """Tell whether another point is as good in every objective.

    Args:
        point: its ranks, see ``Objective.rank``.
        others: the ranks of each other point.
    """
    return any(all(map(operator.le, other, point)) for other in others)


def pareto_front(points: Iterable[Sequence[float]]) -> list[bool]:
    """Tell for each point whether it is on the Pareto front.

    A point is on it unless another one is as good in every objective and better in one.

    Args:
        points: the ranks of each point, see ``Objective.rank``; all have the same length.
    """
    all_points = [tuple(point) for point in points]
    front: list[tuple[float, ...]] = []
    for point in sorted(set(all_points)):  # a point comes after all that dominate it
        if not is_covered(point, front):
            front.append(point)
    members = set(front)
    return [point in members for point in all_points]

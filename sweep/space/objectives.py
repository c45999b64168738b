"""What a sweep is after: the metrics that ``MONITOR`` names, and which way is better."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sweep.wording import nearest

MODES = ("max", "min")
# What is no column of log.csv: the number of weights of the model, and the seconds that an epoch of it takes.
MEASURED = ("count_params", "seconds_per_epoch")
USUAL = {"val_acc": "max", "val_loss": "min", **dict.fromkeys(MEASURED, "min")}


class Objective(NamedTuple):
    """One metric, a column of ``log.csv`` or one of ``MEASURED``, and its mode: max or min."""

    name: str
    mode: str

    def rank(self, value: float) -> float:
        """Return a number that is the smaller, the better ``value`` is."""
        return -value if self.mode == "max" else value

    def rank_in(self, values: Mapping[str, float]) -> float:
        """Return the rank of this metric's value among ``values``; infinity where it has none."""
        return self.rank(values[self.name]) if self.name in values else math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Tell whether ``value`` is; NaN never is."""
        return self.rank(value) < self.rank(than)


DEFAULT = (Objective("val_acc", "max"),)


def objectives_of(monitor: Any, mode: Any) -> tuple[Objective, ...]:
    """Return the objectives that a search space's ``MONITOR`` and ``MODE`` name; the first one decides what the best epoch is.

    Args:
        monitor: a name, a list of names, or None for val_acc.
        mode: max or min, a list of them, or None where ``USUAL`` knows it.

    Raises:
        ValueError: they are something else; the message says what to write.
    """
    names = _as_list("MONITOR", DEFAULT[0].name if monitor is None else monitor)
    modes = [_usual(name) for name in names] if mode is None else _as_list("MODE", mode)
    if len(modes) != len(names) or not names or len(set(names)) != len(names):
        raise ValueError(
            f"MONITOR has the names {names!r} and MODE {modes!r}: give each name once, and each a mode"
        )
    for one in modes:
        if one not in MODES:
            near = nearest(one, MODES, 0.3) or MODES[0]
            raise ValueError(f"MODE has {one!r}: write {near!r}")
    if names[0] in MEASURED:
        raise ValueError(
            f"the first of MONITOR decides the best epoch, and {names[0]} is the same in all: put a metric there"
        )
    return tuple(map(Objective, names, modes))


def _as_list(what: str, given: Any) -> list[str]:
    found = list(given) if isinstance(given, list | tuple) else [given]
    if any(not isinstance(one, str) for one in found):
        raise ValueError(f"{what} is {given!r}: write a name, or a list of names")
    return found


def _usual(name: str) -> str:
    if name not in USUAL:
        raise ValueError(
            f'MONITOR has {name!r}, and there is no MODE: say which way is better, by MODE = "max" or "min"'
        )
    return USUAL[name]


def is_covered(point: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
    """Tell whether one of the others is as good as a point in all; both are ranks, see ``Objective.rank``."""
    return any(all(map(operator.le, other, point)) for other in others)


def pareto_front(points: Iterable[Sequence[float]]) -> list[bool]:
    """Tell for each point whether it is on the Pareto front: no other is as good in all and better in one.

    Args:
        points: ranks, see ``Objective.rank``; those of one point are of one length.
    """
    there = [tuple(point) for point in points]
    best: list[tuple[float, ...]] = []
    for point in sorted(set(there)):  # what dominates a point comes before it
        if not is_covered(point, best):
            best.append(point)
    on_it = set(best)
    return [point in on_it for point in there]

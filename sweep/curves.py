"""The learning curves of a sweep: a line an experience, the middle of them, and where sessions ended."""

from dataclasses import dataclass

import numpy as np

from sweep.axes import MOST
from sweep.record import State
from sweep.tidy import sessions
from sweep.watch import Sight, Training

MOST_LINES = 300
ENDS_SHOWN = ("cut", "stopped")


@dataclass(frozen=True)
class Line:
    """One experience: its val_acc by epoch. ``is_grey`` says that it is not finished."""

    trial: int
    id_experience: str
    state: str
    val_acc: list[float]
    is_grey: bool


@dataclass(frozen=True)
class Curves:
    """The lines, the best last; of how many experiences; the middle of all that are not failed; and ends of sessions.

    ``median``, ``low`` and ``high`` (the 10 and 90 % quantiles) are by epoch. A mark is trial, epoch with its fraction,
    val_acc there, and how the session ended.
    """

    lines: list[Line]
    of: int
    best: Line | None
    median: list[float]
    low: list[float]
    high: list[float]
    marks: list[tuple[int, float, float, str]]


def curves_of(sight: Sight) -> Curves:
    """Return the learning curves; of very many experiences, the lines are those of the best."""
    trained = [one for one in sight.trainings if one.val_acc]
    ranked = sorted(trained, key=lambda one: (-one.best.val_acc if one.best else 0.0, one.trial))
    best = sight.best()
    lines = [_line(one) for one in reversed(ranked[:MOST_LINES])]
    quantiles = _quantiles([one.val_acc for one in trained if one.state is not State.FAILED])
    return Curves(lines, len(trained), _line(best) if best else None, *quantiles, _marks(sight, ranked[:MOST_LINES]))


def _line(one: Training) -> Line:
    val_acc = [value if abs(value) < MOST else float("nan") for value in one.val_acc]
    return Line(one.trial, one.experience.id, str(one.state), val_acc, one.state not in (State.FINISHED, State.RUNNING))


def _quantiles(curves: list[list[float]]) -> tuple[list[float], list[float], list[float]]:
    """Return the median, the 10 and the 90 % quantile of each epoch, over the experiences that reached it."""
    found: list[list[float]] = []
    for epoch in range(max(map(len, curves), default=0)):
        here = [curve[epoch] for curve in curves if len(curve) > epoch and abs(curve[epoch]) < MOST]
        found.append([float(value) for value in np.quantile(here, (0.5, 0.1, 0.9))] if here else [float("nan")] * 3)
    median, low, high = ([row[column] for row in found] for column in range(3))
    return median, low, high


def _marks(sight: Sight, shown: list[Training]) -> list[tuple[int, float, float, str]]:
    by_id = {one.experience.id: one for one in shown}
    marks = []
    for row in sessions(sight):
        one = by_id.get(row["id_experience"])
        if one and row["how"] in ENDS_SHOWN:
            # A mark lies on its line: at the cut, between the epochs before and after it.
            at = min(max(row["to_epoch"] - 1, 0.0), len(one.val_acc) - 1.0)
            marks.append((one.trial, at, float(np.interp(at, range(len(one.val_acc)), one.val_acc)), row["how"]))
    return marks

"""The learning curves of a sweep: a line an experience, the middle of them, and where sessions ended."""

from dataclasses import dataclass

import numpy as np

from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot, TrainingView
from sweep.web.axes import LARGEST
from sweep.web.tables import sessions

MOST_LINES = 300
BLOCK = 1000  # epochs at a time: ten thousand curves are 80 MB
ENDS_SHOWN = ("cut", "stopped")


@dataclass(frozen=True)
class Line:
    """One experience: what is monitored, by epoch. ``is_grey`` says that it is not finished."""

    trial: int
    id_experience: str
    state: str
    curve: list[float]
    is_grey: bool


@dataclass(frozen=True)
class Curves:
    """The lines of a metric, the best last; of how many experiences; the middle of all that are not failed; their cuts.

    ``median``, ``low`` and ``high`` (the 10 and 90 % quantiles) are by epoch. A mark is trial, epoch with its fraction,
    the value there, and how the session ended.
    """

    metric: str
    lines: list[Line]
    of: int
    best: Line | None
    median: list[float]
    low: list[float]
    high: list[float]
    marks: list[tuple[int, float, float, str]]


def curves_of(sight: Snapshot) -> Curves:
    """Return the learning curves; of very many experiences, the lines are those of the best."""
    trained = [one for one in sight.trainings if one.curve]
    ranked = sorted(trained, key=lambda one: (one.rank, one.trial))
    best = sight.best()
    lines = [_line(one) for one in reversed(ranked[:MOST_LINES])]
    quantiles = _quantiles([one.curve for one in trained if one.state is not State.FAILED])
    best_line = _line(best.best) if best else None
    return Curves(
        sight.aims[0].name,
        lines,
        len(trained),
        best_line,
        *quantiles,
        _marks(sight, ranked[:MOST_LINES]),
    )


def _line(one: TrainingView) -> Line:
    curve = [value if abs(value) < LARGEST else float("nan") for value in one.curve]
    return Line(
        one.trial,
        one.experience.id,
        str(one.state),
        curve,
        one.state not in (State.FINISHED, State.RUNNING),
    )


def _quantiles(curves: list[list[float]]) -> tuple[list[float], list[float], list[float]]:
    """Return the median, the 10 and the 90 % quantile of each epoch, over the experiences that reached it."""
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    for first in range(0, max(map(len, curves), default=0), BLOCK):
        rows = [curve[first : first + BLOCK] for curve in curves if len(curve) > first]
        there = np.full((len(rows), max(map(len, rows))), np.nan)
        for place, row in zip(there, rows, strict=True):
            place[: len(row)] = row
        there[~(np.abs(there) < LARGEST)] = np.nan
        for line, share in zip(found, (0.5, 0.1, 0.9), strict=True):
            line.extend(_quantile(np.sort(there, axis=0), share))
    return found


def _quantile(columns: np.ndarray, share: float) -> list[float]:
    """Return a quantile of each sorted column without its NaN, with the arithmetic of ``np.quantile``."""
    at = share * np.maximum(np.sum(~np.isnan(columns), axis=0) - 1, 0)
    below, above = (
        np.take_along_axis(columns, edge(at).astype(int)[None], 0)[0]
        for edge in (np.floor, np.ceil)
    )
    part = at - np.floor(at)
    found = np.where(
        part < 0.5, below + (above - below) * part, above - (above - below) * (1 - part)
    )
    return [float(value) for value in found]


def _marks(sight: Snapshot, shown: list[TrainingView]) -> list[tuple[int, float, float, str]]:
    by_id = {one.experience.id: one for one in shown}
    marks = []
    for row in sessions(sight):
        one = by_id.get(row["id_experience"])
        if one and row["how"] in ENDS_SHOWN:
            # A mark lies on its line: at the cut, between the epochs before and after it.
            at = min(max(row["to_epoch"] - 1, 0.0), len(one.curve) - 1.0)
            marks.append(
                (one.trial, at, float(np.interp(at, range(len(one.curve)), one.curve)), row["how"])
            )
    return marks

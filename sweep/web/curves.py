"""The learning curves of a sweep: a line per experience, their quantiles, and session ends."""

from dataclasses import dataclass

import numpy as np

from sweep.experience.record import State
from sweep.experience.session_spans import session_spans_of
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView
from sweep.web.axes import LARGEST
from sweep.web.epoch_logs import EpochLogs

MOST_LINES = 300
BLOCK = 1000  # epochs at a time: ten thousand curves then take 80 MB
MARKED_ENDINGS = ("cut", "stopped")


@dataclass(frozen=True)
class Line:
    """The monitored metric of one experience, by epoch.

    ``is_grey`` says that the experience neither finished nor runs.
    """

    trial: int
    id_experience: str
    state: str
    curve: list[float]
    is_grey: bool


@dataclass(frozen=True)
class Mark:
    """The end of a session on the line of its experience; ``epoch`` has a fraction."""

    trial: int
    epoch: float
    value: float
    ending: str


@dataclass(frozen=True)
class Curves:
    """The learning curves of a sweep.

    ``lines`` has the best last, and at most ``MOST_LINES`` of ``count`` experiences. ``median``,
    ``low`` and ``high`` (the 10 and 90 % quantiles) have one value per epoch, over all experiences
    that did not fail.
    """

    metric: str
    lines: list[Line]
    count: int
    best: Line | None
    median: list[float]
    low: list[float]
    high: list[float]
    marks: list[Mark]


def curves_of(snapshot: Snapshot) -> Curves:
    """Return the learning curves; of very many experiences, only the best are lines."""
    trained = [training for training in snapshot.trainings if training.curve]
    shown = sorted(trained, key=_place)[:MOST_LINES]
    best = snapshot.best()
    not_failed = [training.curve for training in trained if training.state is not State.FAILED]
    median, low, high = _quantiles(not_failed)
    return Curves(
        metric=snapshot.objectives[0].name,
        lines=[_line(training) for training in reversed(shown)],
        count=len(trained),
        best=_line(best.best) if best else None,
        median=median,
        low=low,
        high=high,
        marks=_marks(snapshot, shown),
    )


def other_curves_of(snapshot: Snapshot, logs: EpochLogs, metric: str) -> Curves:
    """Return the curves of another metric, of the experiences in ``logs``."""
    by_id = {training.experience.id: training for training in snapshot.trainings}
    shown = [by_id[name] for name, log in logs.items() if metric in log]
    best = snapshot.best()
    lines = {one.experience.id: _line(one, logs[one.experience.id][metric]) for one in shown}
    not_failed = [logs[one.experience.id][metric] for one in shown if one.state is not State.FAILED]
    median, low, high = _quantiles(not_failed)
    return Curves(
        metric=metric,
        lines=list(reversed(lines.values())),
        count=sum(1 for training in snapshot.trainings if training.curve),
        best=lines.get(best.best.experience.id) if best else None,
        median=median,
        low=low,
        high=high,
        marks=[],
    )


def _place(training: TrainingView) -> tuple[object, ...]:
    """Return the place of an experience among the others: what has not finished comes last."""
    return training.state is not State.FINISHED, training.rank, training.trial


def _line(training: TrainingView, curve: list[float] | None = None) -> Line:
    return Line(
        trial=training.trial,
        id_experience=training.experience.id,
        state=str(training.state),
        curve=[
            value if abs(value) < LARGEST else float("nan") for value in curve or training.curve
        ],
        is_grey=training.state not in (State.FINISHED, State.RUNNING),
    )


def _quantiles(curves: list[list[float]]) -> tuple[list[float], list[float], list[float]]:
    """Return the median, 10 and 90 % quantile of each epoch, over the curves that reach it."""
    quantiles: tuple[list[float], list[float], list[float]] = ([], [], [])
    for first in range(0, max(map(len, curves), default=0), BLOCK):
        rows = [curve[first : first + BLOCK] for curve in curves if len(curve) > first]
        block = np.full((len(rows), max(map(len, rows))), np.nan)
        for target, row in zip(block, rows, strict=True):
            target[: len(row)] = row
        block[~(np.abs(block) < LARGEST)] = np.nan
        for quantile, share in zip(quantiles, (0.5, 0.1, 0.9), strict=True):
            quantile.extend(_quantile(np.sort(block, axis=0), share))
    return quantiles


def _quantile(columns: np.ndarray, share: float) -> list[float]:
    """Return a quantile of each column, without NaN, with the arithmetic of ``np.quantile``.

    Args:
        columns: sorted along axis 0, with the NaN last.
        share: from 0 to 1.
    """
    position = share * np.maximum(np.sum(~np.isnan(columns), axis=0) - 1, 0)
    below, above = (
        np.take_along_axis(columns, edge(position).astype(int)[None], 0)[0]
        for edge in (np.floor, np.ceil)
    )
    fraction = position - np.floor(position)
    from_below = below + (above - below) * fraction
    from_above = above - (above - below) * (1 - fraction)
    return [float(value) for value in np.where(fraction < 0.5, from_below, from_above)]


def _marks(snapshot: Snapshot, shown: list[TrainingView]) -> list[Mark]:
    by_id = {training.experience.id: training for training in shown}
    marks = []
    for span in session_spans_of(snapshot):
        training = by_id.get(span.id_experience)
        if training and span.ending in MARKED_ENDINGS:
            curve = training.curve
            # A mark lies on its line: at the cut, between the epochs before and after it.
            epoch = min(max(span.to_epoch - 1, 0.0), len(curve) - 1.0)
            value = float(np.interp(epoch, range(len(curve)), curve))
            marks.append(Mark(training.trial, epoch, value, span.ending))
    return marks

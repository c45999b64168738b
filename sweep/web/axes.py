"""The parameters of the trials as axes of a figure: positions, and ticks with their labels."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from sweep.experience.entries import TrialEntry
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.space.objectives import Objective

LARGEST = 1e15  # a value beyond it would hide all others
MOST_AXES = 30  # nobody reads a figure with more
MOST_TICKS = 8


@dataclass(frozen=True)
class Axis:
    """One parameter as an axis.

    ``positions`` has one position for each trial, None where the trial lacks the parameter.
    ``ticks`` are positions with their labels.
    """

    name: str
    positions: list[float | None]
    ticks: list[tuple[float, str]]

    @property
    def range(self) -> tuple[float, float]:
        """The ends of the axis, with some room beside the outermost values."""
        tick_positions = [position for position, _ in self.ticks]
        known = [position for position in self.positions if position is not None]
        low, high = min([*known, *tick_positions]), max([*known, *tick_positions])
        room = (high - low) * 0.06 or 0.5
        return low - room, high + room


@dataclass(frozen=True)
class ParameterView:
    """The finished and pruned trials with a value of the first objective, by number.

    ``axes`` are the parameters that differ between them. All lists have one item for each trial.
    """

    objective: Objective
    numbers: list[int]
    values: list[float]
    states: list[str]
    axes: list[Axis]

    def best_so_far(self) -> tuple[list[int], list[float]]:
        """Return the numbers of the finished trials, and the best value up to each of them."""
        finished = [index for index, state in enumerate(self.states) if state == State.FINISHED]
        values = [self.values[index] for index in finished]
        better = max if self.objective.mode == "max" else min
        return [self.numbers[index] for index in finished], list(
            itertools.accumulate(values, better)
        )

    def worth(self) -> list[float]:
        """Return how good each value is, from 0 for the worst to 1 for the best."""
        ranks = [self.objective.rank(value) for value in self.values]
        worst, best = max(ranks), min(ranks)
        return [(worst - rank) / (worst - best or 1) for rank in ranks]


def parameter_view_of(snapshot: Snapshot, decimal: Callable[[str], str]) -> ParameterView:
    """Return the trials of a sweep with the axes of the parameters that differ between them.

    Args:
        snapshot: of the sweep.
        decimal: writes a number with the decimal mark of a language, for the ticks.
    """
    objective = snapshot.objectives[0]
    trials = sorted(
        (
            trial
            for trial in snapshot.trials
            if trial.state in (State.FINISHED, State.PAUSED, State.PRUNED)
            and is_drawable(trial.values.get(objective.name))
        ),
        key=lambda trial: trial.number,
    )
    entries = [trial.trial_record.entry for trial in trials]
    names = dict.fromkeys(name for entry in entries for name in entry.params)
    axes = [_axis(name, entries, decimal) for name in names]
    return ParameterView(
        objective=objective,
        numbers=[trial.number for trial in trials],
        values=[trial.values[objective.name] for trial in trials],
        states=[str(trial.state) for trial in trials],
        axes=[axis for axis in axes if len(set(axis.positions)) > 1][:MOST_AXES],
    )


def is_drawable(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number that an axis can hold; NaN is not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _axis(name: str, entries: list[TrialEntry], decimal: Callable[[str], str]) -> Axis:
    """Return the axis of a parameter: of numbers, or of labels where a value is no number."""
    params_of_trials = [entry.params for entry in entries]
    values = [params[name] for params in params_of_trials if name in params]
    position_of: Callable[[Any], float]
    if all(map(is_drawable, values)):
        logarithmic = min(values) > 0 and any(_is_logarithmic(entry, name) for entry in entries)
        position_of = math.log10 if logarithmic else float
        ticks = [
            (position, decimal(text))
            for position, text in _number_ticks(sorted(set(map(position_of, values))), logarithmic)
        ]
    else:
        labels = sorted({str(value) for value in values})
        position_of = lambda value: float(labels.index(str(value)))  # noqa: E731
        ticks = [(float(position), label) for position, label in enumerate(labels)]
    positions = [
        position_of(params[name]) if name in params else None for params in params_of_trials
    ]
    return Axis(name, positions, ticks)


def _is_logarithmic(entry: TrialEntry, name: str) -> bool:
    """Tell whether a parameter was drawn on a logarithmic scale; the entry may be anybody's."""
    distributions = entry.distributions
    distribution = distributions.get(name) if isinstance(distributions, dict) else None
    attributes = distribution.get("attributes") if isinstance(distribution, dict) else None
    return isinstance(attributes, dict) and bool(attributes.get("log"))


def _number_ticks(positions: list[float], logarithmic: bool) -> list[tuple[float, str]]:
    """Return a tick at each position if they are few and well apart, otherwise round ticks."""
    low, high = positions[0], positions[-1]
    gaps = (right - left for left, right in itertools.pairwise(positions))
    smallest_gap = min(gaps, default=1.0)
    if len(positions) <= MOST_TICKS and smallest_gap >= (high - low) / (2 * MOST_TICKS):
        return [(position, _tick_label(position, logarithmic)) for position in positions]
    step = round_step((high - low) / (MOST_TICKS - 2))
    if logarithmic:
        step = max(1.0, step)
        low, high = math.floor(low), math.ceil(high)
    multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [(multiple * step, _tick_label(multiple * step, logarithmic)) for multiple in multiples]


def _tick_label(position: float, logarithmic: bool) -> str:
    return f"{10**position if logarithmic else position:.4g}"


def round_step(step: float) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten that is not below ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))

"""The parameters of trials as axes: where each value lies, and what is written there."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sweep.experience.entries import TrialEntry
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.space.objectives import Objective

LARGEST = 1e15
MOST_AXES = 30  # more is no figure that anybody reads
MOST_TICKS = 8


@dataclass(frozen=True)
class Axis:
    """One parameter: a position for each trial, None where it does not have the parameter, and positions with a label."""

    name: str
    positions: list[float | None]
    ticks: list[tuple[float, str]]

    @property
    def range(self) -> tuple[float, float]:
        """The positions of the ends of the axis: some room beside the outermost values."""
        there = [
            one for one in [*self.positions, *(tick for tick, _ in self.ticks)] if one is not None
        ]
        low, high = min(there), max(there)
        room = (high - low) * 0.06 or 0.5
        return low - room, high + room


@dataclass(frozen=True)
class ParameterView:
    """The trials whose value is known, by number: their values of an aim, and the parameters that Optuna varied."""

    aim: Objective
    numbers: list[int]
    values: list[float]
    states: list[str]
    axes: list[Axis]

    def best_so_far(self) -> list[float]:
        """Return the best value up to each trial."""
        return list(itertools.accumulate(self.values, max if self.aim.mode == "max" else min))

    def worth(self) -> list[float]:
        """Return how good each value is, from 0 for the worst to 1 for the best."""
        ranks = [self.aim.rank(value) for value in self.values]
        worst, best = max(ranks), min(ranks)
        return [(worst - rank) / (worst - best or 1) for rank in ranks]


def parameter_view_of(sight: Snapshot) -> ParameterView:
    """Return the finished and the pruned trials; a parameter that is the same in all of them is no axis."""
    trials = sorted(
        (
            (one.number, one.values[sight.aims[0].name], str(one.state), one.known.entry)
            for one in sight.trials
            if one.state in (State.FINISHED, State.PRUNED)
            and _is_number(one.values.get(sight.aims[0].name))
        ),
        key=lambda trial: trial[0],
    )
    entries = [entry for *_, entry in trials]
    names = dict.fromkeys(name for entry in entries for name in entry.params)
    axes = [_axis(name, entries) for name in names]
    return ParameterView(
        aim=sight.aims[0],
        numbers=[number for number, *_ in trials],
        values=[value for _, value, _, _ in trials],
        states=[state for _, _, state, _ in trials],
        axes=[axis for axis in axes if len(set(axis.positions)) > 1][:MOST_AXES],
    )


@dataclass(frozen=True)
class FrontView:
    """The finished trials by the first two aims: numbers, points, and which of them are on the Pareto front of all aims."""

    names: tuple[str, str]
    numbers: list[int]
    points: list[tuple[float, float]]
    on_front: list[bool]


def front_view_of(sight: Snapshot) -> FrontView:
    """Return the finished trials of a sweep that is after several aims."""
    first, second = (aim.name for aim in sight.aims[:2])
    trials = [
        one
        for one in sight.trials
        if one.state is State.FINISHED
        and all(_is_number(one.values.get(name)) for name in (first, second))
    ]
    return FrontView(
        names=(first, second),
        numbers=[one.number for one in trials],
        points=[(one.values[first], one.values[second]) for one in trials],
        on_front=[one.number in sight.front for one in trials],
    )


def _axis(name: str, entries: list[TrialEntry]) -> Axis:
    of_trials = [entry.params for entry in entries]
    there = [params[name] for params in of_trials if name in params]
    if all(map(_is_number, there)):
        logarithmic = min(there) > 0 and any(_is_logarithmic(entry, name) for entry in entries)
        at: Callable[[Any], float] = math.log10 if logarithmic else float
        ticks = _number_ticks(sorted({at(value) for value in there}), logarithmic)
    else:
        labels = sorted({str(value) for value in there})
        at = lambda value: float(labels.index(str(value)))  # noqa: E731
        ticks = [(float(place), label) for place, label in enumerate(labels)]
    return Axis(name, [at(params[name]) if name in params else None for params in of_trials], ticks)


def _is_number(value: object) -> bool:
    """Tell whether an axis can hold it; what is too large for one is a label."""
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
    )  # which NaN is not


def _is_logarithmic(entry: TrialEntry, name: str) -> bool:
    distributions = entry.distributions
    distribution = distributions.get(name) if isinstance(distributions, dict) else None
    attributes = distribution.get("attributes") if isinstance(distribution, dict) else None
    return isinstance(attributes, dict) and bool(attributes.get("log"))


def _number_ticks(positions: list[float], logarithmic: bool) -> list[tuple[float, str]]:
    """Return a tick at each position where they are few and apart, else at round ones."""
    low, high = positions[0], positions[-1]
    apart = min((right - left for left, right in itertools.pairwise(positions)), default=1.0)
    if len(positions) <= MOST_TICKS and apart >= (high - low) / (2 * MOST_TICKS):
        return [(one, _label(one, logarithmic)) for one in positions]
    step = _round_step((high - low) / (MOST_TICKS - 2))
    if logarithmic:
        step = max(1.0, step)
        low, high = math.floor(low), math.ceil(high)
    return [
        (number * step, _label(number * step, logarithmic))
        for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def _label(position: float, logarithmic: bool) -> str:
    return f"{10**position if logarithmic else position:.4g}"


def _round_step(step: float) -> float:
    """Return 1, 2 or 5 times a power of ten, the next above ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))

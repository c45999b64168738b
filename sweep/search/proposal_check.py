"""A check whether ``suggest`` can take a proposal that does not come from a sampler."""

import contextlib
import json
import numbers
import reprlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweep.errors import Misuse, SweepError
from sweep.search.any_choices import allow_any_choices
from sweep.search.enqueued import Cell, Proposal
from sweep.search.optuna_adapter import contains
from sweep.space import mistakes
from sweep.space.search_space import SearchSpace
from sweep.wording import nearest

# How often ``suggest`` is asked about a partial proposal: which parameters it asks for may depend
# on the values that it got before.
DRAWS = 100


@dataclass(frozen=True)
class Fit:
    """The result of trying a proposal on a search space.

    Attributes:
        proposal: the part that ``suggest`` can take, each value as its distribution has it.
        unfit: by name, why ``suggest`` cannot take the other values.
    """

    proposal: Proposal
    unfit: dict[str, str]


def check(
    space: SearchSpace, proposals: list[Proposal], where: str | Path, first: int = 1
) -> list[Proposal]:
    """Return the proposals, each value as its distribution has it.

    Args:
        space: its ``suggest`` is asked, for a study in memory.
        proposals: by anybody.
        where: the place of the proposals, for the message.
        first: the number of the first proposal at that place.

    Raises:
        Misuse: ``suggest`` cannot take a proposal; the message has its number, and what is right.
    """
    fitting = []
    for number, proposal in enumerate(proposals, first):
        try:
            fit = fit_proposal(space, proposal)
        except SweepError as error:
            raise Misuse(f"{where}, proposal {number}: {error}") from error
        for why in fit.unfit.values():
            raise Misuse(f"{where}, proposal {number}: {why}")
        fitting.append(fit.proposal)
    return fitting


def fit_proposal(space: SearchSpace, proposal: Proposal) -> Fit:
    """Return the greatest part of a proposal that ``suggest`` has taken.

    The values that do not fit are drawn at random, until all values fit or after ``DRAWS`` draws.

    Raises:
        SearchSpaceWrong: ``suggest`` raises, or returns what cannot be trained.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=_GivenSampler(proposal))
    asked: dict[str, BaseDistribution] = {}
    fits, are_all_pruned = [], True
    for _ in range(DRAWS):
        trial = study.ask()
        with mistakes.mistakes_in(space.source.path), contextlib.redirect_stdout(sys.stderr):
            is_pruned = _is_pruned(space, trial)
        asked |= trial.distributions
        fits.append(_compare(proposal, trial.distributions))
        are_all_pruned = are_all_pruned and is_pruned
        if not fits[-1].unfit:
            return fits[-1]
    best = min(fits, key=lambda fit: len(fit.unfit))
    unfit = {
        name: why or _nearest(name, asked)
        for name, why in best.unfit.items()
        # A trial that ``suggest`` always prunes is pruned before it asks for the rest.
        if why or not (are_all_pruned and best.proposal)
    }
    return Fit(best.proposal, unfit)


def _is_pruned(space: SearchSpace, trial: optuna.Trial) -> bool:
    """Tell whether ``suggest`` prunes the trial; it must return what can be trained otherwise."""
    allow_any_choices(trial)
    try:
        space.parameters(space.suggest(trial))
    except optuna.TrialPruned:
        return True
    return False


class _GivenSampler(optuna.samplers.RandomSampler):
    """A sampler that proposes the given values, where they fit."""

    def __init__(self, given: Proposal) -> None:
        super().__init__(seed=0)
        self._given = given

    def sample_independent(
        self, study: Any, trial: Any, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        with contextlib.suppress(KeyError, ValueError):
            return _fitted(param_distribution, self._given[param_name])
        return super().sample_independent(study, trial, param_name, param_distribution)


def _compare(proposal: Proposal, distributions: dict[str, BaseDistribution]) -> Fit:
    fitted, unfit = {}, {}
    for name, value in proposal.items():
        if name not in distributions:
            unfit[name] = ""  # asked for in another draw, perhaps
            continue
        try:
            fitted[name] = _fitted(distributions[name], value)
        except ValueError as error:
            unfit[name] = f"{reprlib.repr(name)} is {_shown(value)}: {error}"
    return Fit(fitted, unfit)


def _fitted(distribution: BaseDistribution, value: object) -> Any:
    """Return the value as the distribution has it: 64 for 64.0 where an integer is asked for.

    Optuna itself would take a value outside the distribution, and only warn.

    Raises:
        ValueError: the value lies outside; the message says what lies inside.
    """
    if isinstance(distribution, CategoricalDistribution):
        for choice in distribution.choices:
            if _is_choice(choice, value):
                return choice
        raise ValueError(f"it is one of {', '.join(map(_shown, distribution.choices))}.")
    if not isinstance(distribution, IntDistribution | FloatDistribution):
        # A ValueError, as all that is wrong with a value.
        raise ValueError("only numbers and choices can be enqueued.")  # noqa: TRY004
    number, is_integer = _number(value), isinstance(distribution, IntDistribution)
    low, high = distribution.low, distribution.high
    inside = number is not None and low <= number <= high
    if number is None or not inside or not contains(distribution, number):
        step = f" in steps of {distribution.step}" if distribution.step not in (None, 1) else ""
        raise ValueError(
            f"give {'an integer' if is_integer else 'a number'} from {low} to {high}{step}."
        )
    return round(number) if is_integer else float(number)


def _is_choice(choice: object, value: object) -> bool:
    """Tell whether the value is this choice.

    True is not 1. A list is no choice here, for Optuna would not recognize it.
    """
    if not isinstance(choice, str | int | float | None):
        return False
    if isinstance(value, Cell):
        return value in (str(choice), json.dumps(choice))
    return choice == value and isinstance(choice, bool) == isinstance(value, bool)


def _number(value: object) -> float | None:
    """Return the value as a number; None if it is not one."""
    if isinstance(value, Cell):
        try:
            value = int(value) if value.lstrip("+-").isdecimal() else float(value)
        except ValueError:  # also an integer of thousands of digits
            return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    return value  # type: ignore[return-value] # NumPy's, too


def _nearest(name: str, asked: dict[str, BaseDistribution]) -> str:
    near = nearest(name, asked)
    mend = f"did you mean {near}?" if near else f"it asks for {', '.join(asked)}."
    return f"suggest does not ask for {reprlib.repr(name)} beside the rest: {mend}"


def _shown(value: object) -> str:
    return repr(str(value)) if isinstance(value, Cell) else reprlib.repr(value)

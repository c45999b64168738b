"""Samplers that propose each combination once: a grid in its order, brute force in any order."""

import random
import weakref
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from sweep.search.choice_tree import ChoiceTree, values_of

ChoiceTrees = weakref.WeakKeyDictionary[optuna.Study, ChoiceTree]


class Enumeration(BaseSampler):
    """A sampler that proposes each combination once.

    Its proposal is a function of the trials with numbers below the trial's own. Optuna's grid keeps
    its order in the trials, and needs the whole grid beforehand. Optuna's brute force asks which
    trials exist at this moment, and ends a study by an error. Both would differ after a restart.

    Args:
        seed: of the draws.
        points: see ``sweep.search.choice_tree.values_of``.
        trees: the trees that have grown already, by study; the samplers of its trials share them.
    """

    def __init__(self, seed: int, points: int | None, trees: ChoiceTrees) -> None:
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
        if not node.left():  # with several workers, the last combinations may be in training
            values = values_of(param_distribution, self._points)
            return values[0]  # type: ignore[index] # ``find`` has refused None
        return node.pick(self._choose(node.left()))

    def count_if_exhausted(self, study: optuna.Study) -> int | None:
        """Return how many combinations there are, once all of them have been tried; None before."""
        root = self._grown(study, None).root
        return root.count() if root.is_used_up else None

    def _choose(self, left: int) -> int:
        """Return the position, from 0, of the value to propose among those that are left."""
        raise NotImplementedError

    def _grown(self, study: optuna.Study, number: int | None) -> ChoiceTree:
        trials = study.get_trials(deepcopy=False)
        number = len(trials) if number is None else number
        tree = self._trees.get(study)
        if not tree or tree.size > number:
            tree = self._trees[study] = ChoiceTree(self._points)
        tree.grow(trials, number)
        return tree


class Grid(Enumeration):
    """A sampler that proposes the first untried combination.

    Args:
        points: how many values a continuous parameter has.

    Raises:
        ValueError: there are fewer than two points.
    """

    def __init__(self, seed: int, trees: ChoiceTrees, points: int = 5) -> None:
        if points < 2:
            raise ValueError(f"points is {points}: give at least 2")
        super().__init__(seed, points, trees)

    def _choose(self, left: int) -> int:
        return 0


class BruteForce(Enumeration):
    """A sampler that draws an untried combination at random."""

    def __init__(self, seed: int, trees: ChoiceTrees) -> None:
        super().__init__(seed, None, trees)

    def _choose(self, left: int) -> int:
        return self._random.randrange(left)

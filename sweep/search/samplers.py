"""Samplers that propose the same for the same trial, whatever was killed in between."""

import hashlib
import importlib
import inspect
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweep.choice import Choice, plain_options
from sweep.errors import Misuse
from sweep.search import optuna_adapter
from sweep.search.exhaustive import BruteForce, ChoiceTrees, Enumeration, Grid
from sweep.search.optuna_adapter import PointQMCSampler
from sweep.search.paused_trials import PausedTrials, StorageWithPaused


class QMC(PointQMCSampler):
    """A QMC sampler that draws the point of the trial's number, not of a counter in the study.

    Args:
        qmc_type: sobol or halton.
        scramble: scramble the sequence, with a seed that all trials of a study share.
        seed: of what is drawn outside the sequence.
        study_seed: of the scrambling.
    """

    def __init__(
        self, seed: int, study_seed: int, qmc_type: str = "sobol", scramble: bool = True
    ) -> None:
        random = optuna.samplers.RandomSampler(seed=seed)
        super().__init__(
            qmc_type=qmc_type,
            scramble=scramble,
            seed=study_seed,
            independent_sampler=random,
            warn_independent_sampling=False,  # of a conditional space, which is welcome
        )

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters of the first trial below this one that has any.

        The first trial of all is drawn at random.
        """
        earlier = study.get_trials(deepcopy=False)[: trial.number]
        return next((dict(other.distributions) for other in earlier if other.distributions), {})

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.set_point(trial.number)
        return super().sample_relative(study, trial, search_space)


class NSGAII(optuna.samplers.NSGAIISampler):
    """Optuna's NSGA-II sampler with its parents sorted by number.

    Their order would differ after the study has lost its note of them.
    """

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        parents = super().get_parent_population(study, generation)
        return sorted(parents, key=lambda parent: parent.number)


CLASSES: dict[str, Callable[..., BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "grid": Grid,
    "qmc": QMC,
    "nsgaii": NSGAII,
    "brute_force": BruteForce,
    "gp": optuna.samplers.GPSampler,
}
# These keep their state as a pickle in the trials. No folder holds it, so a rebuild makes it again
# by proposing again.
SAMPLERS_WITH_PICKLES = {"cmaes"}
# The package that a sampler imports only when it proposes, and what pip installs it by.
PACKAGES = {
    "cmaes": ("cmaes", "cmaes"),
    "gp": ("torch", "'keras-sweep[gp]'"),
    "qmc": ("scipy", "scipy"),
}
# Hyperband shows a sampler only the trials of one bracket. These count trials, or note something
# for all of them, so they see all trials.
SEES_ALL_TRIALS = {"grid", "qmc", "nsgaii", "brute_force"}
# These make something of the values of a trial that has not come to its end. Optuna's others take
# a pruned trial for one without a value, or, as CMA-ES, keep what they have made of it.
LEARNS_FROM_PAUSED = {"tpe"}
# Of their proposals beside a scheduler, one in so many is drawn at random. Else they stay at what
# is good after an epoch. The share is that of BOHB: S. Falkner et al., "BOHB: Robust and Efficient
# Hyperparameter Optimization at Scale" (2018).
RANDOM_EVERY = 3
SEEDS = {"seed", "study_seed"}
# Optuna's options that cannot be chosen here: deprecated ones, warnings, and what a sampler keeps
# between two calls.
LEFT_OUT = {
    *("consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints"),
    *("restart_strategy", "inc_popsize", "warn_independent_sampling", "group"),
}
Brackets = defaultdict[int | None, BaseSampler]


class SeededSampler(BaseSampler):
    """A sampler whose proposal is a function of (study seed, trial number, history).

    What was killed in between changes nothing. It builds a new sampler for every trial. The random
    state of one that lives on would have to be saved; one that starts anew with the same seed would
    repeat its first proposals.

    Args:
        choice: its name, with the options of Optuna's class.
        seed: of the study.
        paused: the trials that are paused now, see ``show_paused``.
        has_scheduler: whether trials are paused, so that some are drawn at random.

    Raises:
        Misuse: the sampler does not take an option, or needs a package that is not installed.
    """

    def __init__(
        self,
        choice: Choice,
        seed: int,
        paused: Mapping[int, Mapping[int, float]] | None = None,
        has_scheduler: bool = False,
    ) -> None:
        self._choice, self._class, self._seed = choice, CLASSES[choice.name], seed
        self._draws_some_at_random = has_scheduler and choice.name in LEARNS_FROM_PAUSED
        self._taken = set(inspect.signature(self._class).parameters)
        self._trees = ChoiceTrees()
        self._paused = PausedTrials()
        for number, values in (paused or {}).items():
            self._paused.set(number, values)
        self._brackets: weakref.WeakKeyDictionary[optuna.Study, Brackets]
        self._brackets = weakref.WeakKeyDictionary()
        choice.check(plain_options(self._class, SEEDS | LEFT_OUT))
        _check_package(choice.name)
        for name, value in choice.options.items():
            if isinstance(value, int | float) and value < 0:
                raise choice.wrong(f"{name} is negative")
        try:
            self._first = self.of_trial(0)
        except (ValueError, TypeError, AssertionError) as error:
            raise choice.wrong(str(error).rstrip(".")) from error

    def show_paused(self, number: int, values: Mapping[int, float]) -> None:
        """Let the trial of this number, as long as it is running, have these values by epoch."""
        self._paused.set(number, values)

    def of_trial(self, number: int, parameter: str = "") -> BaseSampler:
        """Return the sampler of one trial, or of one of its parameters that is drawn by itself."""
        seed = _seed_of(f"{self._seed}/{number}/{parameter}")
        if self._draws_some_at_random and number % RANDOM_EVERY == RANDOM_EVERY - 1:
            return optuna.samplers.RandomSampler(seed=seed)
        given = {
            "seed": seed,
            "study_seed": _seed_of(f"{self._seed}"),
            "trees": self._trees,
        }
        own = {name: value for name, value in given.items() if name in self._taken}
        with warnings.catch_warnings(
            category=optuna.exceptions.ExperimentalWarning, action="ignore"
        ):
            return self._class(**own, **self._choice.options)

    def count_if_exhausted(self, study: optuna.Study) -> int | None:
        """Return how many combinations there are, once a sampler that takes each once tried all.

        Before that, and for any other sampler, return None.
        """
        if not isinstance(self._first, Enumeration):
            return None
        return self._first.count_if_exhausted(study)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that all trials have in common, without drawing.

        One sampler for all trials remembers them; a new one would read all trials.
        """
        shown = self._shown(study)
        brackets = self._brackets.setdefault(
            optuna_adapter.whole_study(study), defaultdict(lambda: self.of_trial(0))
        )
        sampler = brackets[optuna_adapter.bracket_of(shown)]
        return sampler.infer_relative_search_space(shown, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.of_trial(trial.number).sample_relative(self._shown(study), trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        sampler = self.of_trial(trial.number, param_name)
        return sampler.sample_independent(self._shown(study), trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.of_trial(trial.number).before_trial(self._shown(study), trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any
    ) -> None:
        self.of_trial(trial.number).after_trial(self._shown(study), trial, state, values)
        if state is TrialState.FAIL:  # one that was paused has counted until now
            self._brackets.pop(optuna_adapter.whole_study(study), None)

    def _shown(self, study: optuna.Study) -> optuna.Study:
        """Return the study as the sampler sees it.

        It has the trials of a bracket, or all, and paused ones as if they had been pruned.
        """
        name = self._choice.name
        if name in SEES_ALL_TRIALS:
            return optuna_adapter.whole_study(study)
        shows_bracket = optuna_adapter.bracket_of(study) is not None
        if not self._paused or name not in LEARNS_FROM_PAUSED or shows_bracket:
            return study
        storage = StorageWithPaused(optuna_adapter.storage_of(study), self._paused)
        return optuna_adapter.with_storage(study, storage)


def _check_package(sampler: str) -> None:
    if sampler not in PACKAGES:
        return
    package, requirement = PACKAGES[sampler]
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise Misuse(f"--sampler {sampler} needs {package}: pip install {requirement}") from error


def _seed_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])

"""How Optuna proposes: whatever was killed in between, the same trial gets the same proposal."""

import hashlib
import importlib
import inspect
import warnings
import weakref
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import Misuse
from sweep.search import optuna_adapter
from sweep.search.exhaustive import BruteForce, Enumeration, Grid, Trees
from sweep.search.optuna_adapter import ENQUEUED_VALUES, PointQMCSampler
from sweep.settings import Choice, plain_options


class QMC(PointQMCSampler):
    """Optuna's own, whose point of the sequence is the trial's number, and not what a counter in the study says.

    Args:
        qmc_type: sobol or halton.
        scramble: with a seed that all trials of a study have in common.
        seed: of what is drawn outside of the sequence.
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
        """Return the parameters of the first trial below this one that has any; the first of all is drawn at random."""
        before = (
            one for one in study.get_trials(deepcopy=False)[: trial.number] if one.distributions
        )
        return next((dict(one.distributions) for one in before), {})

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.point = trial.number
        return super().sample_relative(study, trial, search_space)


class NSGAII(optuna.samplers.NSGAIISampler):
    """Optuna's own, whose parents stand in one order, and not in another where the study has lost its note of them."""

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        return sorted(
            super().get_parent_population(study, generation), key=lambda parent: parent.number
        )


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
# What such a sampler knows is a pickle in the trials, which no folder keeps: to know it again, it proposes again.
PICKLES = {"cmaes"}
# What Optuna imports only when it comes to proposing, and how that is installed.
PACKAGES = {
    "cmaes": ("cmaes", "cmaes"),
    "gp": ("torch", "'keras-sweep[gp]'"),
    "qmc": ("scipy", "scipy"),
}
# Hyperband shows a sampler only the trials of one bracket. What counts trials, or notes something for all, is shown all.
SEES_ALL = {"grid", "qmc", "nsgaii", "brute_force"}
SEEDS = {"seed", "study_seed"}
# Optuna's options that are no choice here: deprecated ones, warnings, and what a sampler keeps from one call to the next.
LEFT_OUT = {
    *(
        "consider_prior",
        "prior_weight",
        "consider_magic_clip",
        "consider_endpoints",
        "restart_strategy",
        "inc_popsize",
    ),
    *("warn_independent_sampling", "group"),
}


class SeededSampler(BaseSampler):
    """A sampler whose proposal is a function of (study seed, trial number, history), whatever was killed in between.

    It builds a new sampler for every trial: one that lives on would need its random state saved, one that starts anew with
    the same seed would repeat its first proposals.
    """

    def __init__(self, choice: Choice, seed: int) -> None:
        """Raises Misuse for an option that the sampler does not take, and where it needs a package that is not installed."""
        self._choice, self._class, self._seed = choice, CLASSES[choice.name], seed
        self._taken = set(inspect.signature(self._class).parameters)
        self._trees = Trees()
        self._of_bracket: weakref.WeakKeyDictionary[
            optuna.Study, defaultdict[int | None, BaseSampler]
        ]
        self._of_bracket = weakref.WeakKeyDictionary()
        choice.check(plain_options(self._class, SEEDS | LEFT_OUT))
        if choice.name in PACKAGES:
            package, wanted = PACKAGES[choice.name]
            try:
                importlib.import_module(package)
            except ImportError as error:
                raise Misuse(
                    f"--sampler {choice.name} needs {package}: pip install {wanted}"
                ) from error
        negative = [
            name
            for name, value in choice.options.items()
            if isinstance(value, int | float) and value < 0
        ]
        if negative:
            raise choice.wrong(f"{negative[0]} is negative")
        try:
            self._first = self.of_trial(0)
        except (ValueError, TypeError, AssertionError) as error:
            raise choice.wrong(str(error).rstrip(".")) from error

    def of_trial(self, number: int, parameter: str = "") -> BaseSampler:
        """Return the sampler of one trial, or of one parameter of it that is drawn by itself."""
        given = {
            "seed": _seed_of(f"{self._seed}/{number}/{parameter}"),
            "study_seed": _seed_of(f"{self._seed}"),
            "trees": self._trees,
        }
        own = {name: value for name, value in given.items() if name in self._taken}
        with warnings.catch_warnings(
            category=optuna.exceptions.ExperimentalWarning, action="ignore"
        ):
            return self._class(**own, **self._choice.options)

    def tried(self, study: optuna.Study) -> int | None:
        """Return how many combinations there are, once a sampler that takes each once has tried all; None before."""
        return self._first.tried(study) if isinstance(self._first, Enumeration) else None

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Draw nothing. One sampler remembers what all trials of a study have in common; a new one would read them all."""
        shown = self._shown(study)
        brackets = self._of_bracket.setdefault(
            optuna_adapter.whole_study(shown), defaultdict(lambda: self.of_trial(0))
        )
        return brackets[optuna_adapter.bracket_of(shown)].infer_relative_search_space(shown, trial)

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

    def _shown(self, study: optuna.Study) -> optuna.Study:
        return optuna_adapter.whole_study(study) if self._choice.name in SEES_ALL else study


def _seed_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def propose_again(shadow: optuna.Study, frozen: FrozenTrial | None) -> dict[str, Any]:
    """Return what the sampler notes in a trial while it proposes, and let ``shadow`` know the trial's end, if any."""
    trial = shadow.ask()
    if not frozen or _was_proposed(frozen):
        trial.relative_params  # noqa: B018 # proposes for all together, as the first ``suggest_…`` of a trial does
    noted = dict(optuna_adapter.read_trial(trial).system_attrs)
    if frozen:
        for name, distribution in frozen.distributions.items():
            optuna_adapter.set_parameter(trial, name, frozen.params[name], distribution)
        if frozen.state.is_finished():
            shadow.tell(
                trial,
                frozen.values if frozen.state is TrialState.COMPLETE else None,
                state=frozen.state,
            )
    return noted


def _was_proposed(frozen: FrozenTrial) -> bool:
    """Tell whether the sampler has proposed anything of a trial; where all was enqueued, nobody has asked it."""
    given = frozen.system_attrs.get(ENQUEUED_VALUES, {})
    return not frozen.params or any(
        name not in given and not one.single() for name, one in frozen.distributions.items()
    )

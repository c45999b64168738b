"""How Optuna proposes: whatever was killed in between, the same trial gets the same proposal."""

import hashlib
import importlib
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import Misuse

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "nsgaii": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "brute_force": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
}
# What such a sampler knows is a pickle in the trials, which no folder keeps: to know it again, it proposes again.
PICKLES = {"cmaes"}
GIVEN = "fixed_params"  # where Optuna keeps in a trial what was enqueued for it
PACKAGES = {"cmaes": "cmaes", "gp": "torch"}  # what Optuna itself imports only when it comes to proposing


class SeededSampler(optuna.samplers.BaseSampler):
    """A sampler whose proposal is a function of (study seed, trial number, history), whatever was killed in between.

    It builds a new sampler for every trial: one that lives on would need its random state saved, one that starts anew with
    the same seed would repeat its first proposals.
    """

    def __init__(self, name: str, seed: int) -> None:
        """Raises Misuse where the sampler needs a package that is not installed."""
        self._build, self._seed = SAMPLERS[name], seed
        self._of_study: weakref.WeakKeyDictionary[optuna.Study, optuna.samplers.BaseSampler] = weakref.WeakKeyDictionary()
        if name in PACKAGES:
            try:
                importlib.import_module(PACKAGES[name])
            except ImportError as error:
                raise Misuse(f"--sampler {name} needs {PACKAGES[name]}: pip install {PACKAGES[name]}") from error

    def of_trial(self, number: int, parameter: str = "") -> optuna.samplers.BaseSampler:
        """Return the sampler of one trial, or of one parameter of it that is drawn by itself."""
        digest = hashlib.sha256(f"{self._seed}/{number}/{parameter}".encode()).digest()
        with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
            return self._build(int.from_bytes(digest[:4]))

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Draw nothing. One sampler remembers what all trials of a study have in common; a new one would read them all."""
        return self._of_study.setdefault(study, self.of_trial(0)).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.of_trial(trial.number).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        sampler = self.of_trial(trial.number, param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.of_trial(trial.number).before_trial(study, trial)

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self.of_trial(trial.number).after_trial(study, trial, state, values)


def propose_again(shadow: optuna.Study, frozen: FrozenTrial | None) -> dict[str, Any]:
    """Return what the sampler notes in a trial while it proposes, and let ``shadow`` know the trial's end, if any."""
    storage, trial = shadow._storage, shadow.ask()  # noqa: SLF001
    if not frozen or _was_proposed(frozen):
        trial.relative_params  # noqa: B018 # proposes for all together, as the first ``suggest_…`` of a trial does
    noted = dict(storage.get_trial(trial._trial_id).system_attrs)  # noqa: SLF001
    if frozen:
        for name, distribution in frozen.distributions.items():
            internal = distribution.to_internal_repr(frozen.params[name])
            storage.set_trial_param(trial._trial_id, name, internal, distribution)  # noqa: SLF001
        if frozen.state.is_finished():
            shadow.tell(trial, frozen.values if frozen.state is TrialState.COMPLETE else None, state=frozen.state)
    return noted


def _was_proposed(frozen: FrozenTrial) -> bool:
    """Tell whether the sampler has proposed anything of a trial; where all was enqueued, nobody has asked it."""
    given = frozen.system_attrs.get(GIVEN, {})
    return not frozen.params or any(name not in given and not one.single() for name, one in frozen.distributions.items())

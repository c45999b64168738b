"""What the sweep uses of Optuna beyond its public interface: private names, keys and messages.

Only this file knows them. ``tests/test_optuna_adapter.py`` checks each of them by name, so that a
failing test says which one a new version of Optuna has moved.
"""

import copy
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

# The attribute of a trial in which Optuna keeps the values that were enqueued for it.
ENQUEUED_VALUES = "fixed_params"
# The attributes of a trial in which CMA-ES keeps its state, as a pickle.
PREFIXES_OF_PICKLES = ("cma:", "sepcma:", "cmawm:")
# What every storage says of a study or a trial that does not exist any more.
NOT_FOUND = "Record does not exist."


def storage_of(study: optuna.Study) -> BaseStorage:
    """Return the storage of a study."""
    return study._storage  # noqa: SLF001


def with_storage(study: optuna.Study, storage: object) -> optuna.Study:
    """Return a copy of a study that uses another storage, which has the methods of Optuna's."""
    copied = copy.copy(study)
    copied._thread_local = type(study._thread_local)()  # noqa: SLF001 # has a cache of all trials
    copied._storage = cast("BaseStorage", storage)  # noqa: SLF001
    return copied


def study_id(study: optuna.Study) -> int:
    """Return the number by which the storage knows a study."""
    return study._study_id  # noqa: SLF001


def study_ids(storage: BaseStorage) -> dict[str, int]:
    """Return the number of each study in a storage, by name."""
    summaries = storage.get_all_studies()
    return {study.study_name: study._study_id for study in summaries}  # noqa: SLF001


def trial_id(trial: optuna.Trial | FrozenTrial) -> int:
    """Return the number by which the storage knows a trial, unique among all its studies."""
    return trial._trial_id  # noqa: SLF001


def attach(study: optuna.Study, trial: FrozenTrial) -> optuna.Trial:
    """Return a running trial in the form that can be suggested to and reported.

    No public way leads back to a running trial. ``Study.ask`` itself makes one like this.
    """
    return optuna.Trial(study, trial_id(trial))


def read_trial(trial: optuna.Trial) -> FrozenTrial:
    """Return one trial as the storage has it; the public ``Study.get_trials`` would read all."""
    return storage_of(trial.study).get_trial(trial_id(trial))


def reported_values(trial: optuna.Trial) -> dict[int, float]:
    """Return the values by epoch that the trial itself knows as reported; no storage is asked."""
    return trial._cached_frozen_trial.intermediate_values  # noqa: SLF001


def forget_cached_trials(study: optuna.Study) -> None:
    """Let the samplers read the trials anew, as ``Study.ask`` does and ``add_trial`` does not."""
    study._thread_local.cached_all_trials = None  # noqa: SLF001


def set_system_attribute(trial: optuna.Trial, name: str, value: Any) -> None:
    """Write an attribute of a trial where the samplers and pruners keep theirs."""
    storage_of(trial.study).set_trial_system_attr(trial_id(trial), name, value)


def set_parameter(
    trial: optuna.Trial, name: str, value: Any, distribution: BaseDistribution
) -> None:
    """Give a trial the value of a parameter, as if ``suggest`` had drawn it."""
    internal = distribution.to_internal_repr(value)
    storage_of(trial.study).set_trial_param(trial_id(trial), name, internal, distribution)


def check_trial(trial: FrozenTrial) -> None:
    """Check a trial as ``Study.add_trial`` does.

    Raises:
        ValueError: the trial contradicts itself.
    """
    trial._validate()  # noqa: SLF001


def contains(distribution: IntDistribution | FloatDistribution, number: float) -> bool:
    """Tell whether a number lies in the range of a distribution and on one of its steps."""
    return distribution._contains(float(number))  # noqa: SLF001


def whole_study(study: optuna.Study) -> optuna.Study:
    """Return the study behind the view of one Hyperband bracket; any other study itself."""
    return getattr(study, "_study", study)


def bracket_of(study: optuna.Study) -> int | None:
    """Return the number of the Hyperband bracket that this study shows; None if it shows none."""
    return getattr(study, "_bracket_id", None)


class PointQMCSampler(optuna.samplers.QMCSampler):
    """A QMC sampler that draws a given point of its sequence; Optuna's own counts the points."""

    _point = 0

    def set_point(self, number: int) -> None:
        """Set which point of the sequence is drawn, from 0."""
        self._point = number

    def _find_sample_id(
        self, study: optuna.Study, search_space: dict[str, BaseDistribution]
    ) -> int:
        return self._point

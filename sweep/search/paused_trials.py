"""What a sampler sees of trials that are paused: as if they had been pruned.

The storage keeps them running, for Optuna changes no trial that has ended, and they go on.
"""

import copy
from collections.abc import Container, Mapping
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState


class PausedTrials:
    """The trials that are paused now, each as if it had been pruned."""

    def __init__(self) -> None:
        self._values: dict[int, Mapping[int, float]] = {}
        self._shown: dict[int, FrozenTrial] = {}  # to copy them each time would take longest

    def __bool__(self) -> bool:
        return bool(self._values)

    def set(self, number: int, values: Mapping[int, float]) -> None:
        """Give a trial these values by epoch."""
        if values:
            self._values[number] = values
            self._shown.pop(number, None)

    def shown(self, trial: FrozenTrial) -> FrozenTrial:
        """Return what the sampler sees of a trial that runs."""
        if trial.number not in self._values:
            return trial
        if trial.number not in self._shown:
            values, shown = self._values[trial.number], copy.copy(trial)
            shown.state, shown.intermediate_values = TrialState.PRUNED, dict(values)
            shown.value = values[max(values)]
            self._shown[trial.number] = shown
        return self._shown[trial.number]


class StorageWithPaused:
    """A storage in which running trials that are paused have been pruned.

    Args:
        storage: has the trials.
        paused: are shown in place of those that run.
    """

    def __init__(self, storage: BaseStorage, paused: PausedTrials) -> None:
        self._storage, self._paused = storage, paused

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Return the trials of a study in these states, as a storage does."""
        trials = [
            self._paused.shown(trial) if trial.state is TrialState.RUNNING else trial
            for trial in self._storage.get_all_trials(study_id, deepcopy=deepcopy)
        ]
        return [trial for trial in trials if states is None or trial.state in states]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

"""A callback that ends a training whose metrics are NaN or infinite."""

import math

import keras

from sweep.space.objectives import MEASURED, Objective
from sweep.training.callback_hooks import Logs
from sweep.training.endings import Diverged
from sweep.training.log_values import monitored_value


class Finite(keras.callbacks.Callback):
    """A callback that ends a training whose loss, or one of whose objectives, is not finite.

    With several objectives, each epoch needs all: the best one gives the values of the trial.

    Args:
        objectives: of the search space.
    """

    def __init__(self, objectives: list[Objective]) -> None:
        super().__init__()
        self._names = ["loss", *(name for name, _ in objectives if name not in MEASURED)]
        self._needed = self._names[1:] if len(objectives) > 1 else []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Check the metrics of an epoch.

        Raises:
            Diverged: one of them is NaN or infinite.
        """
        for name in self._names:
            value = monitored_value(logs, name)
            if value is None and name in self._needed:
                raise Diverged(f"{name} is not logged at the end of epoch {epoch}")
            if value is not None and not math.isfinite(value):
                raise Diverged(f"{name} is {value} at the end of epoch {epoch}")

"""A callback that ends a training whose metrics are NaN or infinite."""

import math

import keras

from sweep.space.objectives import Objective
from sweep.training.callback_hooks import Logs
from sweep.training.endings import Diverged
from sweep.training.log_values import monitored_value


class Finite(keras.callbacks.Callback):
    """A callback that ends a training whose loss, or one of whose objectives, is not finite.

    Args:
        objectives: of the search space.
    """

    def __init__(self, objectives: list[Objective]) -> None:
        super().__init__()
        self._names = ["loss", *(objective.name for objective in objectives)]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Check the metrics of an epoch.

        Raises:
            Diverged: one of them is NaN or infinite.
        """
        for name in self._names:
            value = monitored_value(logs, name)
            if value is not None and not math.isfinite(value):
                raise Diverged(f"{name} is {value} at the end of epoch {epoch}")

"""sweep.training.finite_callback."""

import math

import keras

from sweep.space.objectives import Objective
from sweep.training.callback_hooks import Logs
from sweep.training.endings import Diverged


class Finite(keras.callbacks.Callback):
    """Ends a training whose loss, or what its aims name, is not a number any more."""

    def __init__(self, aims: list[Objective]) -> None:
        super().__init__()
        self._names = ["loss", *(aim.name for aim in aims)]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        for name in self._names:
            value = (logs or {}).get(name, 0.0)
            if not math.isfinite(value):
                raise Diverged(f"{name} is {value} at the end of epoch {epoch}")

"""A callback that refuses a training whose logs do not have the metrics of MONITOR."""

from collections.abc import Iterable
from pathlib import Path

import keras

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.objectives import MEASURED, Objective
from sweep.training.callback_hooks import Logs
from sweep.training.log_values import monitored_value


class NothingMonitored(SearchSpaceWrong):
    """The logs of an epoch lack a metric of MONITOR, so that the training is worth nothing."""


class Monitored(keras.callbacks.Callback):
    """A callback that looks for the metrics of MONITOR at the end of the first epoch.

    It stands after the callbacks of the search space, which may log them. Later epochs may lack
    them: such an epoch is not the best one.

    Args:
        path: of the search space.
        objectives: of the training.
    """

    def __init__(self, path: Path, objectives: Iterable[Objective]) -> None:
        super().__init__()
        self._path = path
        self._names = [name for name, _ in objectives if name not in MEASURED]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Look for the metrics.

        Raises:
            NothingMonitored: one of them is not there, or is no number.
        """
        lacking = [name for name in self._names if monitored_value(logs, name) is None]
        if lacking and epoch == 0:
            there = ", ".join(sorted(name for name in logs or {} if name not in lacking))
            raise NothingMonitored(
                f'{self._path}: MONITOR has "{lacking[0]}", and the first epoch has logged no such '
                f"number, only {there}: name one of these, or let a callback log it."
            )

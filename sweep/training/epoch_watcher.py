"""A callback that sees each epoch before the callbacks of the search space do."""

from typing import Any

import keras

from sweep.training.callback_hooks import Logs
from sweep.training.saving.best_model_callback import BestModel
from sweep.training.saving.log_callback import Log


class EpochWatcher(keras.callbacks.Callback):
    """A callback that notes what was validated, and what the model has logged.

    It stands before the callbacks of the search space: they may put other weights into the model
    once the validation ends, and add metrics to the logs.

    Args:
        best: writes the model that was validated.
        log: is told the metrics of the model.
        notes_weights: whether a callback may change the weights. The values are not copied unless
            it does.
    """

    def __init__(self, best: BestModel, log: Log, notes_weights: bool) -> None:
        super().__init__()
        self._best, self._log, self._notes_weights = best, log, notes_weights
        self.ended: tuple[int, dict[str, Any]] | None = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.ended = None

    def on_test_end(self, logs: Logs = None) -> None:
        if self._notes_weights:
            self._best.note_validated()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch, with the logs to which the callbacks that follow may add."""
        self.ended = epoch, logs if logs is not None else {}
        self._log.note_metrics(logs)

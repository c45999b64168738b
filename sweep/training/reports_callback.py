"""A callback that reports each epoch to the controller, and keeps the heartbeat."""

import math

import keras

from sweep.training.callback_hooks import Logs
from sweep.training.endings import Pruned
from sweep.training.log_values import monitored_value
from sweep.training.protocol import EpochDone, Job, Link
from sweep.training.session import TrainingSession


class Reports(keras.callbacks.Callback):
    """A callback that reports each epoch, and ends the training where the pruner says so.

    Args:
        link: to the controller.
        job: what is trained.
        session: its heartbeat is kept.
        curve: the monitored metric of the epochs before this session.
    """

    def __init__(self, link: Link, job: Job, session: TrainingSession, curve: list[float]) -> None:
        super().__init__()
        self._link, self._job, self._session, self._curve = link, job, session, curve

    def on_train_begin(self, logs: Logs = None) -> None:
        """Report the latest epoch again: the interruption may have come before the answer."""
        if self._curve:
            self._report(EpochDone(len(self._curve) - 1, self._curve[-1]))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._session.heartbeat()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        value = monitored_value(logs, self._job.record.objective.name)
        self._report(EpochDone(epoch, math.nan if value is None else value))

    def _report(self, done: EpochDone) -> None:
        if not self._job.prunes:
            self._link.tell(done)
        elif why := self._link.should_prune(done):
            raise Pruned(why)

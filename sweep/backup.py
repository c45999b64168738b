"""The backup of a training in any of its batches, and the way on from there."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sweep import resume, state
from sweep.batches import Batches
from sweep.callbacks import BestModel, Log, Logs, disk_errors
from sweep.errors import SweepError
from sweep.host import now

BACKUP_EVERY_S = 30.0


class Stopped(Exception):  # an end of a training, no error of the program
    """The training was asked to stop."""


class Unsaved(SweepError):
    """A training cannot write its files."""


class Backup(keras.callbacks.BackupAndRestore):
    """Keras's own files, with the position inside the epoch and all other state, as one unit in two generations.

    It saves every ``save_freq`` batches and every 30 s, whichever comes first, and at the end. A save that fails warns, and
    is tried again at the next of these moments. It stands last among what writes files: a backup means that all of them
    are written.

    Args:
        sauvegarde: the folder of the backups.
        save_freq: batches between two saves.
        start: the backup to go on from; None begins at the beginning.
        batches: the training data, which is put here into the order of each epoch.
        of_user: the callbacks of the search space, whose plain attributes are saved too.
        best: written before each backup.
        log: likewise.
        stop_asked: tells, after each batch, whether to save and stop.
        warn: takes one sentence for the user.
        approximate: takes the reason why this training may from now on differ from an uncut one.

    Raises:
        Stopped: in the middle of ``fit``, once all is saved.
    """

    def __init__(
        self,
        sauvegarde: Path,
        save_freq: int,
        start: resume.Generation | None,
        batches: Batches,
        of_user: list[keras.callbacks.Callback],
        best: BestModel,
        log: Log,
        stop_asked: Callable[[], bool],
        warn: Callable[[str], None],
        approximate: Callable[[str], None],
    ) -> None:
        super().__init__(str(sauvegarde), save_freq=save_freq, double_checkpoint=True, delete_checkpoint=False)
        self._folder, self._start, self._batches, self._of_user = sauvegarde, start, batches, of_user
        self._best, self._log, self._stop_asked, self._warn = best, log, stop_asked, warn
        self._approximate = approximate
        self._before_validation: tuple[dict[str, Any], state.Arrays] | None = None
        self._epoch = self._batch = 0
        self._batch_logs: dict[str, Any] = {}
        self._batches_since_save, self._tried_at = 0, time.monotonic()
        self._unsaved: OSError | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        # Between two epochs the state is from before ``on_epoch_begin`` of the next; inside one it is from after it.
        if self._start and not self._start.position.batch:
            self._restore(self._start)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        inside = self._start if self._start and self._start.position.epoch == epoch else None
        self._epoch, self._batch = epoch, inside.position.batch if inside else 0
        self._batches.begin(epoch, first=self._batch)
        if inside and self._batch:
            self._restore(inside)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        trained = min(batch + 1, self._batches.count)  # the last execution of several steps may name steps too many
        self._batches_since_save += trained - self._batch
        self._batch, self._batch_logs = trained, dict(logs or {})
        self._save_if_due()

    def on_test_begin(self, logs: Logs = None) -> None:
        # A validation may be long, and a stop is not to wait for its end: only the metrics change in it.
        self._before_validation = state.capture(self.model, self._of_user)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._stop_asked():
            self._save_and_stop()

    def on_test_end(self, logs: Logs = None) -> None:
        self._before_validation = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._epoch, self._batch = epoch + 1, 0
        is_last = self.model.stop_training or self._epoch == self.params["epochs"]
        self._save_if_due(is_last)

    def on_train_end(self, logs: Logs = None) -> None:
        """Do nothing: the last epoch is saved, and callbacks above may by now have put other weights into the model."""

    def check_saved(self) -> None:
        """Refuse an end that is not on the disk.

        Raises:
            Unsaved: the last backup failed.
        """
        if self._unsaved:
            raise Unsaved(
                f"{self._folder.parent}: nothing could be saved ({self._unsaved}); "
                "make room or mend the drive, and run the same command to go on."
            )

    def _save_if_due(self, at_once: bool = False) -> None:
        if self._stop_asked():
            self._save_and_stop()
        by_count = self._batches_since_save >= self.save_freq
        by_time = time.monotonic() - self._tried_at >= BACKUP_EVERY_S
        if at_once or by_count or by_time:
            self._save_model()

    def _save_and_stop(self) -> None:
        self._save_model()
        self.check_saved()
        raise Stopped

    def _save_model(self) -> None:
        try:
            self._best.write_now()
            self._log.write_now()
            self._save_all()
            self._unsaved = None
        except OSError as error:
            if not self._unsaved:
                self._warn(f"since {now()[11:16]} UTC nothing can be saved ({error}); the training goes on")
            self._unsaved = error
        self._batches_since_save, self._tried_at = 0, time.monotonic()

    def _save_all(self) -> None:
        weights = self._folder / resume.NEXT_WEIGHTS
        plain, arrays = self._before_validation or state.capture(self.model, self._of_user)
        self._folder.mkdir(parents=True, exist_ok=True)
        with disk_errors():
            self.model.save_weights(weights)
            state.write_arrays(weights, arrays)
        position = resume.Position(
            epoch=self._epoch,
            batch=self._batch,
            stop_training=bool(self.model.stop_training),
            log=self._log.text,
            logs={name: np.asarray(value).tolist() for name, value in self._batch_logs.items()},
            state=plain,
            saved=now(),
        )
        resume.write_backup(self._folder, position)

    def _restore(self, backup: resume.Generation) -> None:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            self.model.load_weights(backup.weights)
        state.restore(self.model, self._of_user, backup.position.state, state.read_arrays(backup.weights))
        self.model.stop_training = backup.position.stop_training
        skipped = [str(warning.message) for warning in said if issubclass(warning.category, UserWarning)]
        for lost in [*skipped, *backup.position.state["left_out"]]:
            self._approximate(f"it went on without a part of its state: {lost}")


class WayOn(keras.callbacks.CallbackList):
    """Keras's own list of callbacks, silent while the batches that were trained before the cut are passed over.

    ``fit`` counts the batches of an epoch from 0, so it also comes by the trained ones; they are neither trained again nor
    told to any callback.
    """

    def __init__(
        self,
        callbacks: list[keras.callbacks.Callback],
        model: keras.Model,
        position: resume.Position | None,
        **params: Any,
    ) -> None:
        self._logs = position.logs if position else {}
        self._to_pass = position.batch if position else 0
        self._passing = False
        super().__init__(callbacks, add_history=True, model=model, **params)
        if self._to_pass:
            model.make_train_function()
            model.train_function = self._pass_or(model.train_function)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._passing = batch < self._to_pass
        if not self._passing:
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._passing:
            super().on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._to_pass = 0
        super().on_epoch_end(epoch, logs)

    def _pass_or(self, train: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def pass_or_train(iterator: Any) -> Any:
            if not self._passing:
                return train(iterator)
            for _ in range(self.model.steps_per_execution):
                next(iterator, None)  # an empty batch
            return self._logs

        return pass_or_train

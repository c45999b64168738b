"""The backup of a training in any of its batches, and the way on from there."""

import math
import shutil
import time
from collections.abc import Iterator
from typing import Any

import keras

from sweep.experience import backup_files, damage
from sweep.experience.position import POSITION, Position
from sweep.experience.resume_proof import Proof, Sample, exact
from sweep.system import lent_files, plain_files
from sweep.system.files import patiently, pauses
from sweep.system.host import now
from sweep.training.best_model_callback import BestModel
from sweep.training.callback_hooks import Logs
from sweep.training.endings import NotSaved, Stopped
from sweep.training.h5py_errors import disk_errors
from sweep.training.log_callback import Log
from sweep.training.protocol import BACKUP_EVERY_S, Job, Link, Unsaved, Warned
from sweep.training.session import TrainingProgress
from sweep.training.state.arrays_file import read_arrays, write_arrays
from sweep.training.state.packing import StateArrays
from sweep.training.state.training_state import BeforeValidation, TrainingState

SHORT_S = 0.5  # a stop waits for the end of a validation that takes no longer
EVIDENCE_S = 1.0  # a stop does not train a batch more than that long, only to leave evidence


class Backup(keras.callbacks.BackupAndRestore):
    """Keras's own files, with the position inside the epoch and all other state, as one unit in two generations.

    It saves every ``save_freq`` batches and every 30 s, whichever comes first, and at the end. A save that fails is told,
    and tried again after a growing pause, while the training goes on. It stands last among what writes files: a backup means
    that all of them are written.

    Args:
        job: what is trained; its record is saved too.
        link: is told what cannot be saved, and asked after each batch whether to save and stop.
        start: the backup to go on from; None begins at the beginning.
        state: what is saved beside the weights.
        best: written before each backup.
        log: likewise.
        reached: is kept up to date.
        proof: is given what the training comes by.

    Raises:
        Stopped: in the middle of ``fit``, once all is saved.
    """

    def __init__(
        self,
        job: Job,
        link: Link,
        start: backup_files.Generation | None,
        state: TrainingState,
        best: BestModel,
        log: Log,
        reached: TrainingProgress,
        proof: Proof,
    ) -> None:
        self._folder = job.experience.sauvegarde
        super().__init__(
            str(self._folder),
            save_freq=job.save_freq,
            double_checkpoint=True,
            delete_checkpoint=False,
        )
        self._job, self._link, self._start, self._state = job, link, start, state
        self._best, self._log, self._reached, self._proof = best, log, reached, proof
        self._before_validation: BeforeValidation | None = None
        self._validated_at, self._validation_s = (
            0.0,
            math.inf,
        )  # of the latest validation; of the first, nothing is known
        self._stops_after: tuple[int, int] | None = None
        reached.measure = self._measured
        self._unsaved: OSError | None = None
        self._unsaved_since = ""
        self._pauses: Iterator[float] = iter(())
        self._retry_at = 0.0
        self._disk_is_short = False

    def on_train_begin(self, logs: Logs = None) -> None:
        self._reached.begun_at = self._reached.saved_at = time.monotonic()
        # Between two epochs the state is from before ``on_epoch_begin`` of the next; inside one it is from after it.
        if self._start and not self._start.position.batch:
            lost = self._state.prepare(self._start.position.state)
            self._restore(self._start, read_arrays(self._start.weights), lost)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        inside = self._start if self._start and self._start.position.epoch == epoch else None
        self._reached.epoch, self._reached.batch = epoch, inside.position.batch if inside else 0
        self._reached.logs = inside.position.logs if inside else None
        if not inside or not inside.position.batch:
            self._state.begin_epoch()
            self.model.train_function.begin(epoch)
            return
        plain, arrays = inside.position.state, read_arrays(inside.weights)
        lost = self._state.prepare(plain)
        self._state.begin_epoch_again(plain, arrays)
        self.model.train_function.begin(epoch, self._reached.batch, self._reached.logs)
        self._state.note_what_was_drawn()
        self._restore(inside, arrays, lost)

    def batches_to_next(self) -> int:
        """Return how many batches may be trained until a save, or a comparison of the proof, is due."""
        left = self._job.save_freq - self._reached.unsaved_batches
        left = (
            left if left > 0 else self._job.save_freq
        )  # what cannot be saved now is tried again by the clock
        return min(
            left, self._proof.batches_to_next(self._reached.epoch, self._reached.batch) or left
        )

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._reached.unsaved_batches += batch + 1 - self._reached.batch
        self._reached.batch, self._reached.logs = batch + 1, exact(logs or {})
        if self._stops_after:
            self._leave_evidence(self._stops_after)
        if self._proof.is_due(self._reached.epoch, self._reached.batch):
            self._proof.at_batch(
                self._reached.epoch, self._reached.batch, {**self._reached.logs, **self._measured()}
            )
        self._save_if_due()

    def note_work(self) -> None:
        """Note that this session has come to train, or to validate: what raises from now on was not raised before it."""
        self._reached.is_at_work = True

    def before_validation(self) -> None:
        """Keep the state of now: a validation may be long, and a stop in it does not wait for its end."""
        if self._stops_after:
            raise Stopped
        self._validated_at = time.monotonic()
        if self._validation_s >= SHORT_S:
            self._before_validation = self._state.before_validation()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._link.stop_asked() and self._before_validation:
            self._state.rewind(self._before_validation)
            self._save_model()
            self.check_saved()
            raise Stopped

    def on_test_end(self, logs: Logs = None) -> None:
        self._before_validation = None
        self._validation_s = time.monotonic() - self._validated_at

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._proof.at_row(epoch, self._log.last_row())
        self._reached.epoch, self._reached.batch, self._reached.logs = epoch + 1, 0, None
        if self.model.stop_training or self._reached.epoch == self.params["epochs"]:
            self.save_the_end()
        else:
            self._save_if_due()

    def on_train_end(self, logs: Logs = None) -> None:
        """Do nothing: the last epoch is saved, and callbacks above may by now have put other weights into the model."""

    def check_saved(self) -> None:
        """Refuse an end that is not on the disk.

        Raises:
            NotSaved: the last backup failed.
        """
        if self._unsaved:
            raise NotSaved(
                f"{self._folder.parent}: nothing could be saved ({self._unsaved}); "
                "make room or mend the drive, and run the same command to go on."
            )

    def _save_if_due(self) -> None:
        if self._link.stop_asked():
            self._save_and_stop()
            return
        if self._unsaved:
            due = time.monotonic() >= self._retry_at
        else:
            due = (
                self._reached.unsaved_batches >= self.save_freq
                or self._reached.unsaved_s() >= BACKUP_EVERY_S
            )
        if due:
            self._save_model()

    def _save_and_stop(self) -> None:
        """Save, and stop after one more call, whose metrics are the evidence by which the next session proves itself."""
        self._save_model()
        self.check_saved()
        if self.model.train_function.batch_s > EVIDENCE_S:
            raise Stopped
        self._stops_after = self._reached.epoch, self._reached.batch

    def _leave_evidence(self, saved: tuple[int, int]) -> None:
        """Note the metrics of now, and end the session where it was saved."""
        logs = {**(self._reached.logs or {}), **self._measured()}
        self._reached.sample = Sample(self._reached.epoch, self._reached.batch, logs)
        self._reached.epoch, self._reached.batch = saved
        raise Stopped

    def _measured(self) -> dict[str, Any]:
        return {"the digest of the weights": self._state.digest()}

    def save_the_end(self) -> None:
        """Save where there is nothing left to train meanwhile: wait for a drive that is gone for a while."""
        try:
            patiently(self._save_all, self._on_not_saved, self._link.stop_asked)
            self._on_saved()
        except OSError as error:
            self._on_not_saved(error)

    def _save_model(self) -> None:
        try:
            self._save_all()
            self._on_saved()
        except OSError as error:
            self._on_not_saved(error)

    def _on_saved(self) -> None:
        if self._unsaved:
            self._link.tell(Unsaved(None))
        self._unsaved = None
        self._reached.unsaved_batches, self._reached.saved_at = 0, time.monotonic()
        self._warn_of_a_short_disk()

    def _on_not_saved(self, error: OSError) -> None:
        if not self._unsaved:
            self._unsaved_since, self._pauses = now()[11:16], pauses()
            self._link.tell(Unsaved(self._unsaved_since, str(error)))
        self._unsaved = error
        self._retry_at = time.monotonic() + next(self._pauses)

    def _warn_of_a_short_disk(self) -> None:
        """Say that the disk is too full for one more backup, before it is hit."""
        try:
            need = sum(
                plain_files.status(path).st_size
                for path in (
                    self._folder / backup_files.WEIGHTS,
                    self._folder / POSITION,
                )
            )
            free = shutil.disk_usage(self._folder).free
        except OSError:  # all is saved; what cannot be foretold now, is at the next backup
            return
        if free < need and not self._disk_is_short:
            text = f"the disk has {free:,} bytes free, and one more backup takes {need:,}: make room, or it cannot be saved"
            self._link.tell(Warned(text))
        self._disk_is_short = free < need

    def _save_all(self) -> None:
        """Write all files, and do so again where somebody has laid a link under a name of them since."""
        try:
            self._write_all()
        except plain_files.NotPlain:
            moved = damage.set_aside(self._job.experience)
            if not moved:  # the folder itself is none of ours any more
                raise
            self._link.tell(Warned("; ".join(moved)))
            self._write_all()

    def _write_all(self) -> None:
        self._job.experience.fence()  # to put a model into memory and back takes long
        self._best.write_now()
        self._log.write_now()
        weights = self._folder / backup_files.NEXT_WEIGHTS
        plain, arrays = (
            self._before_validation and self._before_validation.python
        ) or self._state.capture()
        plain_files.make_folder(self._folder)
        with (
            disk_errors(),
            plain_files.created(weights) as file,
            lent_files.lent(file, weights) as path,
        ):
            self.model.save_weights(path)
            write_arrays(path, arrays)
        position = Position(
            epoch=self._reached.epoch,
            batch=self._reached.batch,
            stop_training=bool(self.model.stop_training),
            log=self._log.text(),
            logs=self._reached.logs or {},
            state=plain,
            saved=now(),
            record=self._job.record.as_content(),
        )
        backup_files.write_backup(self._folder, position, self._job.experience.fence)

    def _restore(
        self, backup: backup_files.Generation, arrays: StateArrays, lost: list[str]
    ) -> None:
        skipped = self._state.load_weights(backup.weights)
        lost = lost + self._state.restore(backup.position.state, arrays)
        self.model.stop_training = backup.position.stop_training
        if skipped or lost:
            self._job.mark_approximate(
                f"it was resumed without a part of its state: {', '.join([*skipped, *lost])}"
            )


class WorkWatcher(keras.callbacks.Callback):
    """Hears first of what is done: before a callback of the user's may raise, or swap other weights in for a validation."""

    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._backup.note_work()

    def on_test_begin(self, logs: Logs = None) -> None:
        self._backup.note_work()
        self._backup.before_validation()

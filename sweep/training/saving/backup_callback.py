"""A training is backed up after any of its batches, and resumes from there.

``sweep.training.saving.saver`` knows when a backup is due, and
``sweep.training.saving.backup_writer`` what it holds.
"""

import math
import time
from typing import Any

import keras

from sweep.experience import backup_files
from sweep.experience.resume_proof import Sample, exact
from sweep.training.callback_hooks import Logs
from sweep.training.endings import Stopped
from sweep.training.protocol import Link
from sweep.training.saving.backup_writer import BackupWriter
from sweep.training.saving.saver import Saver
from sweep.training.session import TrainingSession
from sweep.training.state.arrays_file import read_arrays
from sweep.training.state.training_state import BeforeValidation
from sweep.training.training_phases import TrainingPhases

SHORT_S = 0.5  # a stop waits for the end of a validation that takes no longer
EVIDENCE_S = 1.0  # a stop does not train a batch longer than that only to leave evidence


class Backup(keras.callbacks.BackupAndRestore):
    """A BackupAndRestore that also saves the position inside the epoch, and all other state.

    The files are Keras's own, as one unit in two generations. They are written while the training
    continues; it waits where it ends or stops, and where no further batch may be lost. It stands
    last among the callbacks that write files: a backup means that all of them are written.

    Args:
        link: is asked after each batch whether to save and stop.
        saver: saves, and says when that is due.
        writer: restores what was saved.
        resumed_from: the backup to resume from; None begins at the beginning.
        session: its progress is kept up to date, and its proof is given what the training reaches;
            it says where the training is paused.
        phases: say where the training ends.

    Raises:
        Stopped: in the middle of ``fit``, once all is saved.
    """

    def __init__(
        self,
        link: Link,
        saver: Saver,
        writer: BackupWriter,
        resumed_from: backup_files.Generation | None,
        session: TrainingSession,
        phases: TrainingPhases,
    ) -> None:
        super().__init__(
            str(writer.folder),
            save_freq="epoch",  # the schedule says when
            double_checkpoint=True,
            delete_checkpoint=False,
        )
        self._link, self._saver, self._writer = link, saver, writer
        self._resumed_from = resumed_from
        self._state, self._log = writer.contents.state, writer.contents.log
        self._progress, self._proof, self._phases = session.progress, session.proof, phases
        self._is_to_be_paused = session.is_to_be_paused
        self._before_validation: BeforeValidation | None = None
        # Of the latest validation; how long the first one takes is not known.
        self._validated_at, self._validation_s = 0.0, math.inf
        self._stops_after: tuple[int, int] | None = None
        self._progress.measure = self._measured

    def on_train_begin(self, logs: Logs = None) -> None:
        """Prepare the phase that is resumed, and restore a backup saved between two epochs.

        Its state is from before ``on_epoch_begin`` of the next epoch; that of a backup inside an
        epoch is from after it.
        """
        self._saver.begin()
        self._phases.prepare_again()
        backup = self._resumed_from
        if backup and not backup.position.batch:
            arrays = read_arrays(backup.weights)
            lost = self._state.prepare(backup.position.state, arrays)
            self._writer.restore(backup, arrays, lost)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin an epoch, and restore a backup that was saved inside it."""
        backup = self._resumed_from
        inside = backup if backup and backup.position.epoch == epoch else None
        self._progress.epoch = epoch
        self._progress.batch = inside.position.batch if inside else 0
        self._progress.logs = inside.position.logs if inside else None
        if not inside or not inside.position.batch:
            self._state.begin_epoch()
            self.model.train_function.begin(epoch)
            return
        plain, arrays = inside.position.state, read_arrays(inside.weights)
        lost = self._state.prepare(plain, arrays)
        self._state.begin_epoch_again(plain, arrays)
        self.model.train_function.begin(epoch, self._progress.batch, self._progress.logs)
        self._state.note_what_was_drawn()
        self._writer.restore(inside, arrays, lost)

    def batches_to_next(self) -> int | None:
        """Return how many batches may be trained before a save, or a comparison, is due."""
        to_proof = self._proof.batches_to_next(self._progress.epoch, self._progress.batch)
        counts = [count for count in (self._saver.batches_to_next(), to_proof) if count]
        return min(counts, default=None)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Note how far the training is, compare it with what it left before, and save if due."""
        progress = self._progress
        progress.unsaved_batches += batch + 1 - progress.batch
        progress.batch, progress.logs = batch + 1, exact(logs or {})
        if self._stops_after:
            self._leave_evidence(self._stops_after)
        if self._proof.is_due(progress.epoch, progress.batch):
            reached = {**progress.logs, **self._measured()}
            self._proof.at_batch(progress.epoch, progress.batch, reached)
        self._save_if_due()

    def note_work(self) -> None:
        """Note that this session has begun to train or to validate.

        An error of the search space before that leaves the experience as it was.
        """
        self._progress.is_at_work = True

    def before_validation(self) -> None:
        """Keep the present state: a stop does not wait for the end of a long validation."""
        if self._stops_after:
            raise Stopped
        self._validated_at = time.monotonic()
        if self._validation_s >= SHORT_S:
            self._before_validation = self._state.before_validation()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save the state of before the validation, and stop, where that is asked for."""
        if self._link.stop_asked() and self._before_validation:
            self._state.rewind(self._before_validation)
            self._saver.announce_stop()
            self._saver.save_now(self._before_validation)
            self._saver.check_saved()
            raise Stopped

    def on_test_end(self, logs: Logs = None) -> None:
        """Forget the state of before the validation, and note how long it took."""
        self._before_validation = None
        self._validation_s = time.monotonic() - self._validated_at

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the row of the epoch with the one before, and save if due."""
        progress = self._progress
        file = self._log.file
        self._proof.at_row(epoch, file.header().decode(), file.last_row())
        progress.epoch, progress.batch, progress.logs = epoch + 1, 0, None
        if self._phases.are_over(progress.epoch, self.model.stop_training):
            self._saver.save_the_end()
        elif self._is_to_be_paused():
            self._save_and_stop()
        else:
            self._save_if_due()

    def on_train_end(self, logs: Logs = None) -> None:
        """Do nothing: the last epoch is saved, and callbacks may have changed the weights since."""

    def _save_if_due(self) -> None:
        if self._link.stop_asked():
            self._save_and_stop()
        else:
            self._saver.save_if_due()

    def _save_and_stop(self) -> None:
        """Save, and stop after one more call: its metrics let the next session prove itself."""
        self._saver.announce_stop()
        self._saver.save_now()
        self._saver.check_saved()
        if self.model.train_function.batch_s > EVIDENCE_S:
            raise Stopped
        self._stops_after = self._progress.epoch, self._progress.batch

    def _leave_evidence(self, saved: tuple[int, int]) -> None:
        """Keep the present metrics as evidence, and end the session at the saved position."""
        progress = self._progress
        logs = {**(progress.logs or {}), **self._measured()}
        progress.sample = Sample(progress.epoch, progress.batch, logs)
        progress.epoch, progress.batch = saved
        raise Stopped

    def _measured(self) -> dict[str, Any]:
        return {"the digest of the weights": self._state.digest()}


class WorkWatcher(keras.callbacks.Callback):
    """A callback that stands first, and tells the backup of each batch and of each validation.

    A callback of the user may raise, or put other weights into the model for a validation: the
    backup must hear of the batch, or keep the state, before that.
    """

    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._backup.note_work()

    def on_test_begin(self, logs: Logs = None) -> None:
        self._backup.note_work()
        self._backup.before_validation()

"""What a backup holds, the order in which it is written, and how it is put back.

A backup means that all files of the experience are written: first the best model, then the log,
then the weights with the arrays of the state, and last the position, which makes the pair valid.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import keras

from sweep.experience import backup_files, damage
from sweep.experience.position import POSITION, Position
from sweep.system import lent_files, plain_files
from sweep.system.host import now
from sweep.training import event_files
from sweep.training.best_model_callback import BestModel
from sweep.training.h5py_errors import disk_errors
from sweep.training.log_callback import Log
from sweep.training.protocol import Job, Link, Warned
from sweep.training.session import TrainingSession
from sweep.training.state.arrays_file import write_arrays
from sweep.training.state.own_folder import told_from
from sweep.training.state.packing import StateArrays
from sweep.training.state.training_state import BeforeValidation, TrainingState


@dataclass(frozen=True)
class BackupContents:
    """What a backup holds, in the order in which it is written.

    ``best`` and ``log`` write their own files; ``model`` gives the weights, ``state`` the rest. The
    callbacks ``of_user`` may write event files.
    """

    best: BestModel
    log: Log
    model: keras.Model
    state: TrainingState
    of_user: list[keras.callbacks.Callback]


class BackupWriter:
    """Writes the files of a training as one unit, and restores its model from them.

    Args:
        job: what is trained; a backup holds its record, too.
        link: is told what was found in the way of a file.
        contents: what a backup holds.
        session: knows how far the training is, and records what a resume lacks.
    """

    def __init__(
        self, job: Job, link: Link, contents: BackupContents, session: TrainingSession
    ) -> None:
        self._job, self._link, self._session = job, link, session
        self.folder = job.experience.sauvegarde
        self.contents = contents

    def write(self, before_validation: BeforeValidation | None = None) -> None:
        """Write all files; where somebody has put a link in the place of one, set it aside first.

        Args:
            before_validation: the state to save in place of the present one, which a validation
                may have changed.

        Raises:
            OSError: the disk is full or gone.
        """
        try:
            self._write_all(before_validation)
        except plain_files.NotPlain:
            moved = damage.quarantine_misplaced(self._job.experience)
            if not moved:  # the folder itself is not ours any more
                raise
            self._link.tell(Warned("; ".join(moved)))
            self._write_all(before_validation)

    def _write_all(self, before_validation: BeforeValidation | None) -> None:
        fence = self._job.experience.fence
        fence()  # to put a model into memory and back takes long
        self.contents.best.write_now()
        self.contents.log.file.write_now()
        state = before_validation.python if before_validation else None
        plain, arrays = state or self.contents.state.capture()
        event_files.flush(self.contents.of_user)
        folder = self._job.experience.path
        lengths, plain = event_files.lengths(folder), told_from(folder, plain)
        plain |= {event_files.KEY: lengths} if lengths else {}
        plain_files.make_folder(self.folder)
        self._write_weights(arrays)
        position = Position(
            epoch=self._session.progress.epoch,
            batch=self._session.progress.batch,
            phases=list(self._session.progress.phases),
            stop_training=bool(self.contents.model.stop_training),
            log=self.contents.log.file.text(),
            logs=self._session.progress.logs or {},
            state=plain,
            saved=now(),
            record=self._job.record.as_content(),
        )
        backup_files.write_backup(self.folder, position, fence)

    def _write_weights(self, arrays: StateArrays) -> None:
        weights = self.folder / backup_files.NEXT_WEIGHTS
        with (
            disk_errors(),
            plain_files.created(weights) as file,
            lent_files.lent(file, weights) as path,
        ):
            self.contents.model.save_weights(path)
            write_arrays(path, arrays)

    def restore(
        self, backup: backup_files.Generation, arrays: StateArrays, lost: list[str]
    ) -> None:
        """Put the weights and the state of a backup back, and record what could not be.

        Args:
            backup: is read.
            arrays: those of the backup's state.
            lost: in words, what could not be prepared for it.
        """
        skipped = self.contents.state.load_weights(backup.weights)
        lost = lost + self.contents.state.restore(backup.position.state, arrays)
        self.contents.model.stop_training = backup.position.stop_training
        if skipped or lost:
            missing = ", ".join([*skipped, *lost])
            self._session.mark_approximate(f"it was resumed without a part of its state: {missing}")


def describe_short_disk(folder: Path) -> str | None:
    """Return a sentence where the disk is too full for one more backup, else None.

    Raises:
        OSError: the disk does not say how full it is.
    """
    names = backup_files.WEIGHTS, POSITION
    need = sum(plain_files.status(folder / name).st_size for name in names)
    free = shutil.disk_usage(folder).free
    if free >= need:
        return None
    return (
        f"the disk has {free:,} bytes free, and one more backup takes {need:,}: "
        "make room, or it cannot be saved"
    )

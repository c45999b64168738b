"""What a backup holds, the order in which it is written, and how it is put back.

A backup means that all files of the experience are written: first the log, then the best model and
the weights with the arrays of the state, and last the position, which makes the pair valid.
"""

import contextlib
import copy
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import keras

from sweep.experience import backup_files, damage
from sweep.experience.folder import Experience
from sweep.experience.position import POSITION, Position
from sweep.system import plain_files
from sweep.system.host import now
from sweep.training.h5py_errors import disk_errors
from sweep.training.protocol import Job, Link, Warned
from sweep.training.saving import event_files
from sweep.training.saving.background_write import BackgroundWrite, Written, timed
from sweep.training.saving.best_model_callback import BestModel, HeldBest
from sweep.training.saving.held_model import HeldWeights, hold_weights
from sweep.training.saving.log_callback import Log
from sweep.training.session import TrainingSession
from sweep.training.state.own_folder import told_from
from sweep.training.state.packing import StateArrays
from sweep.training.state.training_state import BeforeValidation, TrainingState

T = TypeVar("T")


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


class HeldBackup:
    """All that a backup holds, in memory as of one moment, to be written by any thread.

    Args:
        experience: its folder receives the files.
        best: the best model, or None where it is on the disk.
        weights: of the model.
        arrays: of the state.
        position: how far the training is.
    """

    def __init__(
        self,
        experience: Experience,
        best: HeldBest | None,
        weights: HeldWeights,
        arrays: StateArrays,
        position: Position,
    ) -> None:
        self._experience, self.best = experience, best
        self._weights, self._arrays, self._position = weights, arrays, position

    def write(self) -> tuple[int, list[str]]:
        """Write all files; where somebody has put a link in the place of one, set it aside first.

        Returns:
            The number of bytes, and sentences of what was found in the way of a file.

        Raises:
            OSError: the disk is full or gone.
        """
        return with_way_cleared(self._experience, self._write_all)

    def _write_all(self) -> int:
        best_bytes = self.best.write() if self.best else 0
        folder, fence = self._experience.sauvegarde, self._experience.fence
        plain_files.make_folder(folder)
        fence()
        with disk_errors(), plain_files.created(folder / backup_files.NEXT_WEIGHTS) as file:
            self._weights.write(file, self._arrays)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        if self.best:
            self.best.put_in_place()
        backup_files.write_backup(folder, self._position, digest, fence)
        return best_bytes + size


class BackupWriter:
    """Holds and writes the files of a training as one unit, and restores its model from them.

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
        self._background = BackgroundWrite()
        self._best_under_way: HeldBest | None = None
        self.folder = job.experience.sauvegarde
        self.contents = contents

    @property
    def is_under_way(self) -> bool:
        """Whether a write has begun whose end nobody has heard of."""
        return self._background.is_under_way

    def begin(self) -> None:
        """Write the present moment in the background; no write is under way.

        Raises:
            OSError: the disk is full or gone.
        """
        held = self._hold(None)
        self._best_under_way = held.best
        self._background.begin(held.write)

    def begin_best(self) -> bool:
        """Write the best model alone, as above; return False where it is on the disk already.

        It does not take the place of the one before, which belongs to the latest backup. A training
        whose best model was written holds no copy of it beside that of a backup.
        """
        best = self.contents.best.hold()
        if best is None or best.is_written:
            return False
        self._background.begin(lambda: (best.write(), []))
        return True

    def ended(self, wait: bool = False) -> Written | None:
        """Return what was written in the background, once; None where no write has ended.

        Args:
            wait: for the end of a write that is under way.

        Raises:
            OSError: the disk is full or gone.
        """
        best, written = self._best_under_way, self._background.ended(wait)
        if written is None:
            return None
        self._best_under_way = None
        return self._note(best, written)

    def write(self, before_validation: BeforeValidation | None = None) -> Written:
        """Write the present moment, and return once it is on the disk; no write is under way.

        Args:
            before_validation: the state to save in place of the present one, which a validation
                may have changed.

        Raises:
            OSError: the disk is full or gone.
        """
        held = self._hold(before_validation)
        return self._note(held.best, timed(held.write))

    def settle(self) -> None:
        """Wait for the end of a write, whether it succeeds or not."""
        with contextlib.suppress(Exception):  # what was to be saved is saved anew, or not wanted
            self.ended(wait=True)

    def _note(self, best: HeldBest | None, written: Written) -> Written:
        self.contents.best.note_written(best)
        for text in written.told:
            self._link.tell(Warned(text))
        return written

    def _hold(self, before_validation: BeforeValidation | None) -> HeldBackup:
        experience, contents, progress = self._job.experience, self.contents, self._session.progress
        experience.fence()  # to hold a model takes long
        for text in with_way_cleared(experience, contents.log.file.write_now)[1]:
            self._link.tell(Warned(text))
        state = before_validation.python if before_validation else None
        plain, arrays = state or contents.state.capture()
        event_files.flush(contents.of_user)
        lengths, plain = event_files.lengths(experience.path), told_from(experience.path, plain)
        plain |= {event_files.KEY: lengths} if lengths else {}
        position = Position(
            epoch=progress.epoch,
            batch=progress.batch,
            phases=list(progress.phases),
            stop_training=bool(contents.model.stop_training),
            log=contents.log.file.text(),
            logs=progress.logs or {},
            state=plain,
            saved=now(),
            record=copy.deepcopy(self._job.record.as_content()),  # the session goes on with it
        )
        best, weights = contents.best.hold(), hold_weights(contents.model)
        return HeldBackup(experience, best, weights, arrays, position)

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


def with_way_cleared(experience: Experience, write: Callable[[], T]) -> tuple[T, list[str]]:
    """Call ``write``; where a link stands in the place of a file, set it aside and call it again.

    Returns:
        What ``write`` returns, and sentences of what was found in the way.

    Raises:
        OSError: the disk is full or gone.
    """
    try:
        return write(), []
    except plain_files.NotPlain:
        moved = damage.quarantine_misplaced(experience)
        if not moved:  # the folder itself is not ours any more
            raise
        return write(), ["; ".join(moved)]


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

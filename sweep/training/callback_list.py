"""The order of the callbacks of a training, and the reason for the place of each."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from sweep.experience.accounting import cut_every_s
from sweep.experience.backup_files import Generation
from sweep.space.mistakes import SearchSpaceWrong
from sweep.system.host import is_on_drive
from sweep.training import steps
from sweep.training.callback_hooks import hears_batches
from sweep.training.epoch_watcher import EpochWatcher
from sweep.training.keras_callbacks import are_all_known, may_change_model
from sweep.training.model_build import disk_size
from sweep.training.monitored_callback import Monitored
from sweep.training.phase_preparation import prepare_phase
from sweep.training.preparation import Prepared
from sweep.training.protocol import Job, Link
from sweep.training.saving.backup_callback import Backup, WorkWatcher
from sweep.training.saving.backup_writer import BackupContents, BackupWriter
from sweep.training.saving.best_model_callback import BestModel
from sweep.training.saving.log_callback import Log
from sweep.training.saving.save_interval import SaveInterval
from sweep.training.saving.save_schedule import SaveSchedule
from sweep.training.saving.saver import Saver
from sweep.training.session import TrainingSession
from sweep.training.state.own_folder import put_into
from sweep.training.state.training_state import TrainingState
from sweep.training.training_phases import TrainingPhases


@dataclass(frozen=True)
class Savers:
    """The callbacks that write the files of an experience, and the phases that they are told of.

    ``watcher`` and ``monitored`` stand before and after the callbacks of the search space.
    """

    watcher: EpochWatcher
    monitored: Monitored
    best: BestModel
    log: Log
    saver: Saver
    backup: Backup
    phases: TrainingPhases

    def hold_best(self) -> None:
        """Hold the best model, with the epoch that callbacks of the search space are told of now.

        What they compile anew has another optimizer.
        """
        if self.watcher.ended:
            self.best.on_epoch_end(*self.watcher.ended)
        self.best.hold()

    def write_ended(self) -> None:
        """Write the best model, and an epoch whose end a callback of the search space broke off.

        Raises:
            OSError: the disk is full or gone.
        """
        self.saver.settle()
        ended = self.watcher.ended
        if ended and ended[0] == self.log.file.rows():
            with contextlib.suppress(SearchSpaceWrong):  # without MONITOR, its row is left out
                for callback in (self.monitored, self.best, self.log):
                    callback.on_epoch_end(*ended)
        self.best.write_now()


def callbacks(
    savers: Savers,
    of_user: list[keras.callbacks.Callback],
    last: keras.callbacks.Callback,
    guards: Sequence[keras.callbacks.Callback] = (),
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a training in their order, on which an exact resume depends.

    Only the callbacks before one know what an interruption may leave of it.

    Args:
        savers: write the files.
        of_user: of the search space.
        last: hears of an epoch when all of it is written.
        guards: may end the training.
    """
    return [
        WorkWatcher(savers.backup),  # before the user's own, which may raise or change weights
        savers.watcher,  # as above
        *of_user,  # may log metrics, also the one that says what is best
        savers.monitored,
        savers.best,
        savers.log,  # a resume cuts a row too many back; a missing row would be lost for ever
        *guards,  # after the log, whose last row shows the NaN
        savers.backup,  # means: all above is written
        last,  # may count on the epoch that it hears of
    ]


def make_savers(
    job: Job,
    link: Link,
    made: Prepared,
    backup_before: Generation | None,
    session: TrainingSession,
) -> Savers:
    """Let the model train by our steps, and return the callbacks that write its files.

    Args:
        job: what is trained.
        link: see ``Backup``.
        made: the model and its data.
        backup_before: the backup to resume from, or None.
        session: see ``Backup``.
    """
    # The steps ask the backup, which saves the state of the model that they train.
    backup: Backup
    backup_before = backup_before and _here(backup_before, job.experience.path)
    most = None if any(map(hears_batches, made.of_user)) else lambda: backup.batches_to_next()
    steps.take_over(made.model, made.batches, made.validation, most, made.weigh)
    size = disk_size(made.model).best  # builds the optimizer, as the state is to find it
    state = TrainingState(made.model, made.of_user, (made.batches.made_of, made.validation.made_of))
    best_before = backup_before.position.best() if backup_before else None
    files, fence = job.experience, job.experience.fence
    best = BestModel(files.meilleur, job.record.objective, best_before, state.variables, fence)
    log = Log(files.log, fence, is_of_model_alone=are_all_known(made.of_user))
    contents = BackupContents(best, log, made.model, state, made.of_user)
    writer = BackupWriter(job, link, contents, session)
    heard_by = made.of_user if made.space.early_stopping_ends == "phase" else None
    enter = _entering(job, link, made, best, state)
    phases = TrainingPhases(made.phases, session.progress, enter, state.begin_phase, heard_by)
    saver = Saver(link, writer, _schedule(job, session), 2 * size)
    backup = Backup(link, saver, writer, backup_before, session, phases)
    watcher = EpochWatcher(best, log, notes_weights=may_change_model(made.of_user))
    monitored = Monitored(job.source.path, job.record.objectives)
    savers = Savers(watcher, monitored, best, log, saver, backup, phases)
    steps.before_compile(made.model, savers.hold_best)
    return savers


def _schedule(job: Job, session: TrainingSession) -> SaveSchedule:
    budget = job.gb_an_hour if is_on_drive(job.experience.path) else None
    interval = SaveInterval(cut_every_s(job.record), budget)
    return SaveSchedule(session.progress, job.save_freq, interval)


def _here(backup: Generation, folder: Path) -> Generation:
    """Return a backup whose state leads into this folder."""
    position = backup.position
    return replace(backup, position=replace(position, state=put_into(folder, position.state)))


def _entering(
    job: Job, link: Link, made: Prepared, best: BestModel, state: TrainingState
) -> Callable[[int], None]:
    """Return a function that prepares the model for the phase of a number."""

    def enter(number: int) -> None:
        best.hold()  # as the phase before has left it
        made.model.stop_training = False
        phase = made.phases[number]
        if phase.prepare:
            state.end_phase()
            prepare_phase(phase, number, made.model, job.record.parameters, made.validation)
            link.tell(disk_size(made.model))

    return enter

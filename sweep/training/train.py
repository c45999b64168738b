"""One experience, trained from wherever it is to its end."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from sweep.errors import SweepError
from sweep.experience import best_model
from sweep.experience.backup_files import Generation
from sweep.experience.folder import Experience
from sweep.experience.lease import Hold, Superseded
from sweep.experience.log_csv import read_curve
from sweep.experience.record import Outcome, State
from sweep.experience.resume_start import begin_anew
from sweep.space.mistakes import SearchSpaceWrong
from sweep.system import plain_files
from sweep.system.files import is_unwritable_for_a_while, size_and_sha256
from sweep.system.host import now
from sweep.training.callback_list import Savers, callbacks, make_savers
from sweep.training.endings import (
    Diverged,
    NothingToTrain,
    NotSaved,
    Pruned,
    SearchSpaceRaised,
    Stopped,
)
from sweep.training.finite_callback import Finite
from sweep.training.fit import fit
from sweep.training.folder_preparation import bring_back, wait_for_others
from sweep.training.monitored_callback import NothingMonitored
from sweep.training.preparation import (
    Prepared,
    prepare_only,
    prepare_training,
    with_callbacks,
)
from sweep.training.protocol import Begun, End, Ending, Job, Link
from sweep.training.reports_callback import Reports
from sweep.training.saving.patient_writes import write_patiently
from sweep.training.session import TrainingSession
from sweep.training.space_errors import space_errors
from sweep.training.training_progress import TrainingProgress


def train(job: Job, link: Link) -> End:
    """Train the experience to its end, from its newest backup if it has one, and write its outcome.

    Returns:
        How it ended. An error that the search space raises after its first batch is an outcome,
        too: the experience has failed, with that reason. Where a file, a server, a package or
        memory is missing, there is no outcome: the training was interrupted.
    """
    if job.cluster:  # another host may come to the root by another way, through links of its own
        path = job.experience.path
        job = replace(job, experience=Experience(path.parent.resolve() / path.name))
    try:
        return _prepare_only(job, link) if job.only_prepares else TrainingRun(job, link).run()
    except NothingToTrain as nothing:
        return nothing.end
    except Superseded as by:
        where = f"process {by.holder.pid} on {by.holder.host}"
        why = f"{job.experience.path} is trained by {where} by now, and no longer here: see there."
        return End(Ending.MOVED_ON if job.cluster else Ending.REFUSED, why)
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except OSError as error:
        return _end_by_disk(job, error)


def _end_by_disk(job: Job, error: OSError) -> End:
    if is_unwritable_for_a_while(error):
        where = error.filename or job.experience.path
        return End(Ending.GONE, f"{where} does not answer ({error})")
    why = f"{job.experience.path} cannot be written: {error}; mend that and run again."
    return End(Ending.REFUSED, why)


def _prepare_only(job: Job, link: Link) -> End:
    try:
        with space_errors(job):
            prepare_only(job, link)
    except SearchSpaceRaised as raised:
        return _end_unprepared(raised)
    return End(Ending.OUTCOME)


def _check_phases(job: Job, made: Prepared, progress: TrainingProgress) -> None:
    if len(progress.phases) > len(made.phases):  # the search space has changed, and was accepted
        raise SearchSpaceWrong(
            f"{job.source.path}: phases has fewer phases than {job.experience.path} has begun, "
            f"which are {len(progress.phases)}; put them back, or take another --root."
        )


def _end_unprepared(raised: SearchSpaceRaised) -> End:
    return End(Ending.UNPREPARED, str(raised), raised.traceback, raised.is_by_the_day)


class TrainingRun:
    """Trains one experience in this process.

    Args:
        job: what to train.
        link: to the controller.
    """

    def __init__(self, job: Job, link: Link) -> None:
        self._hold = Hold(job.experience)
        self._job = replace(job, experience=replace(job.experience, fence=self._hold.check))
        self._link = link
        self._progress = TrainingProgress()
        self._session = TrainingSession(self._job, link, self._progress)

    def run(self) -> End:
        """Train the experience to its end, and write its outcome if it has one.

        Raises:
            NothingToTrain: another process has trained it.
            Superseded: another process has taken the folder over.
            SweepError: the experience cannot be trained or saved.
            OSError: the disk is full or gone.
        """
        wait_for_others(self._job, self._link)
        try:
            outcome = self._train()
        except Stopped:
            ending = Ending.PAUSED if self._session.is_to_be_paused() else Ending.STOPPED
            self._session.end(ending)
            return End(ending)
        except NothingMonitored:  # nobody can use what was trained, nor need go on with it
            self._session.end("raised")
            begin_anew(self._job.experience)
            raise
        except SearchSpaceRaised as raised:
            if not self._progress.is_at_work:
                if self._session.has_begun:
                    self._session.end("raised")
                return _end_unprepared(raised)
            if raised.is_by_the_day or raised.is_of_memory:  # as if it had been killed for it
                return End(Ending.DIED, str(raised), raised.traceback, raised.is_by_the_day)
            outcome = Outcome(State.FAILED, now(), str(raised), traceback=raised.traceback)
        write_patiently(lambda: self._write_outcome(outcome), self._link)
        return End(Ending.OUTCOME)

    def _train(self) -> Outcome:
        job, link = self._job, self._link
        try:
            with space_errors(job):
                made, difference = prepare_training(job, link)
                # Another process may have begun while this one prepared: its files are its own.
                wait_for_others(job, link)
                is_new = plain_files.kind_of(job.experience.path) is None
                self._hold.take(job.record)
                start = bring_back(job, link)
                made = self._with_callbacks(made, is_new)
                if difference and start.backup:  # from the beginning, it is no extension
                    made.findings.approximate_because.append(difference)
                self._session.begin(start, made.batches.count, made.findings)
                self._train_epochs(made, start.backup)
        except (Diverged, Pruned) as end:
            state = State.PRUNED if isinstance(end, Pruned) else State.FAILED
            return Outcome(state, now(), str(end))
        return Outcome(State.FINISHED, now())

    def _with_callbacks(self, made: Prepared, is_new: bool) -> Prepared:
        """Make the callbacks; where that fails, remove the folder that was made for them."""
        try:
            return with_callbacks(made, self._job)
        except Exception:
            if is_new:
                plain_files.remove_folder(self._job.experience.path)
            raise

    def _train_epochs(self, made: Prepared, backup_before: Generation | None) -> None:
        """Train the epochs that are still to be trained."""
        job, link, progress = self._job, self._link, self._progress
        position = backup_before.position if backup_before else None
        progress.epoch, progress.batch = (position.epoch, position.batch) if position else (0, 0)
        if position:
            progress.phases = list(position.phases)
            _check_phases(job, made, progress)
        link.tell(Begun(progress.epoch, progress.batch))
        link.can_save()
        reports = Reports(link, job, self._session, position.curve() if position else [])
        savers = make_savers(job, link, made, backup_before, self._session)
        stopped = position is not None and not position.batch and position.stop_training
        if savers.phases.are_over(progress.epoch, stopped):
            reports.on_train_begin()
            return
        if self._session.is_to_be_paused():  # a cut came between its backup and its end
            raise Stopped
        finite = Finite(job.record.objectives)
        in_order = callbacks(savers, made.of_user, reports, guards=[finite])
        self._fit(made, savers, in_order, stopped)

    def _fit(
        self,
        made: Prepared,
        savers: Savers,
        in_order: list[keras.callbacks.Callback],
        stopped: bool,
    ) -> None:
        data = made.batches, made.validation
        try:
            fit(made.model, data, in_order, self._progress.epoch, savers.phases, stopped)
        except (Stopped, Superseded, SweepError):
            raise
        except Pruned:
            if self._progress.is_at_work:  # else nothing is restored yet, and nothing to be saved
                savers.saver.save_the_end()  # so that the training can be resumed from there
                savers.saver.check_saved()
            raise
        except Exception:
            # diverged, or failed: no backup follows, which would mean that all else is written
            write_patiently(savers.write_ended, self._link)
            raise
        finally:
            savers.saver.settle()
        savers.saver.check_saved()

    def _write_outcome(self, outcome: Outcome) -> None:
        """Write the outcome; until then, the experience is interrupted."""
        experience, record = self._job.experience, self._job.record
        experience.fence()  # else the files of another process would be judged
        best = experience.best(record)
        epochs = len(read_curve(experience.log, record.objective.name))
        if outcome.state is State.FINISHED:
            model = best_model.find(experience.path, best, epochs)
            if model != experience.meilleur:
                epoch = best.epoch if best else None
                raise NotSaved(
                    f"{experience.meilleur} is not the model of epoch {epoch}; "
                    "run the same command to resume."
                )
        outcome.log = _size_and_sha256(experience.log)
        outcome.model = _size_and_sha256(experience.meilleur)
        self._session.end("outcome", outcome)


def _size_and_sha256(path: Path) -> dict[str, Any] | None:
    return size_and_sha256(path) if plain_files.is_file(path) else None

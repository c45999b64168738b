"""One experience, from wherever it is, to its end."""

import contextlib
import os
import re
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from sweep.errors import MISSING, SweepError
from sweep.experience import backup_files, best_model, folder, position, resume_start
from sweep.experience.folder import Experience
from sweep.experience.lease import Hold, Lease, Superseded, open_session
from sweep.experience.log_csv import read_curve
from sweep.experience.record import Outcome, Record, State
from sweep.experience.resume_proof import Proof
from sweep.space.mistakes import error_in_file, lines_in_file
from sweep.space.search_space import SearchSpace, load
from sweep.system import files, lent_files, plain_files
from sweep.system.files import (
    is_gone_for_a_while,
    is_unwritable_for_a_while,
    move_to_quarantine,
    patiently,
    size_and_sha256,
)
from sweep.system.host import now
from sweep.training import (
    best_model_callback,
    callback_hooks,
    h5py_errors,
    hdf5,
    log_callback,
    preparation,
    session,
    steps,
)
from sweep.training.backup_callback import Backup, WorkWatcher
from sweep.training.backup_writer import BackupContents, BackupWriter
from sweep.training.best_model_callback import BestModel
from sweep.training.callback_hooks import Logs
from sweep.training.data import tf_cache_lock
from sweep.training.data.arrays import DataWrong
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.class_weight import weigh_by_class
from sweep.training.endings import Diverged, NotSaved, Pruned, Stopped
from sweep.training.finite_callback import Finite
from sweep.training.fit import fit
from sweep.training.h5py_errors import silence_h5py
from sweep.training.log_callback import Log
from sweep.training.preparation import Prepared
from sweep.training.protocol import Begun, End, Ending, EpochDone, Job, Link, Warned
from sweep.training.session import TrainingProgress
from sweep.training.state.training_state import TrainingState

POLL_S = 0.1
# By which sweep's own files are written: who else meets a full disk is the search space.
WRITERS = {
    str(module.__file__)
    for module in (
        *(best_model_callback, log_callback, h5py_errors, session),
        *(folder, files, plain_files, lent_files, hdf5, best_model),
        *(backup_files, position, resume_start),
    )
}
BY_THE_DAY = (*MISSING, tf.errors.NotFoundError, tf.errors.PermissionDeniedError)
OF_A_GENERATOR = re.compile(
    r"(\{\{.*\}\} )?(OS|FileNotFound|Permission|Connection|Timeout|Import|ModuleNotFound)Error\b"
)
OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)


class Reports(keras.callbacks.Callback):
    """Tells the controller and the folder how far the training is, and ends it on the word of the pruner."""

    def __init__(self, link: Link, job: Job, reached: TrainingProgress, curve: list[float]) -> None:
        super().__init__()
        self._link, self._job, self._reached, self._curve = link, job, reached, curve

    def on_train_begin(self, logs: Logs = None) -> None:
        if self._curve:  # the cut may have come before the answer
            self._ask(EpochDone(len(self._curve) - 1, self._curve[-1]))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._reached.sign:
            self._reached.sign.beat()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._ask(EpochDone(epoch, float((logs or {})[self._job.record.objective.name])))

    def _ask(self, done: EpochDone) -> None:
        if not self._job.prunes:
            self._link.tell(done)
        elif why := self._link.should_prune(done):
            raise Pruned(why)


class Raised(Exception):  # an end of a training, no error of the program
    """The search space has raised.

    Args:
        reason: where and what, in words.
        error: what it was.
    """

    def __init__(self, reason: str, error: Exception) -> None:
        super().__init__(reason)
        self.traceback = traceback.format_exc()
        # TensorFlow has the errors of a generator as texts of its own.
        self.is_by_the_day = (
            isinstance(error, BY_THE_DAY) or OF_A_GENERATOR.match(str(error)) is not None
        )
        self.is_of_memory = isinstance(error, OF_MEMORY)


class Ended(Exception):  # an end of a training, no error of the program
    """There is nothing for this process to train now: another one trains here, or has, or is waited for.

    Args:
        end: of this process.
    """

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


def train(job: Job, link: Link) -> End:
    """Bring the experience to its end, from its newest backup if it has one, and write how it ended.

    Returns:
        How it ended. What the search space raises once it has trained a batch is an outcome too: the experience has failed,
        with its reason. Where a file, a server, a package or memory is missing, it is none: it was cut off.
    """
    if job.cluster:  # another host may come to the root by another way, through links of its own
        path = job.experience.path
        job = replace(job, experience=Experience(path.parent.resolve() / path.name))
    try:
        return (
            _prepare_only(job, link)
            if job.only_prepares
            else _to_its_end(job, link, TrainingProgress())
        )
    except Ended as ended:
        return ended.end
    except Superseded as by:
        where = f"process {by.holder.pid} on {by.holder.host}"
        why = f"{job.experience.path} is trained by {where} by now, and no longer here: see there."
        return End(Ending.MOVED_ON if job.cluster else Ending.REFUSED, why)
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except OSError as error:
        if is_unwritable_for_a_while(error):
            return End(
                Ending.GONE, f"{error.filename or job.experience.path} does not answer ({error})"
            )
        return End(
            Ending.REFUSED,
            f"{job.experience.path} cannot be written: {error}; mend that and run again.",
        )


def _to_its_end(job: Job, link: Link, reached: TrainingProgress) -> End:
    hold = Hold(job.experience)
    job = replace(job, experience=replace(job.experience, fence=hold.check))
    _outwait_others(job, link)
    try:
        outcome = _train(job, link, reached, hold)
    except Stopped:
        session.end(job, "stopped", reached)
        return End(Ending.STOPPED)
    except Raised as raised:
        if not reached.is_at_work:
            if reached.sign:
                session.end(job, "raised", reached)
            return _unprepared(raised)
        if raised.is_by_the_day or raised.is_of_memory:  # as if it had been killed for it
            return End(Ending.DIED, str(raised), raised.traceback, raised.is_by_the_day)
        outcome = Outcome(State.FAILED, now(), str(raised), traceback=raised.traceback)
    patiently(
        lambda: _write_outcome(job, outcome, reached),
        lambda error: _wait(link, error),
        link.stop_asked,
    )
    return End(Ending.OUTCOME)


def _prepare_only(job: Job, link: Link) -> End:
    """Load the data and build the model; the user's callbacks are not made, for they may open files of this training."""
    try:
        with _mistakes(job):
            space, batches, validation = _load(job, link)
            weigh_by_class(space, job.record.parameters, batches.spec())
            preparation.build(space, job.record.parameters, validation)
    except Raised as raised:
        return _unprepared(raised)
    return End(Ending.OUTCOME)


def _unprepared(raised: Raised) -> End:
    return End(Ending.UNPREPARED, str(raised), raised.traceback, raised.is_by_the_day)


def _outwait_others(job: Job, link: Link) -> None:
    """Wait while another process trains here.

    Raises:
        Ended: one has; the record of this job is an old one.
    """
    lease, said = Lease(job.experience), False
    while other := lease.holder():
        if not said:
            link.tell(Warned(f"process {other.pid} on {other.host} trains it, and is waited for"))
            said = True
        if link.stop_asked():
            raise Ended(End(Ending.STOPPED))
        time.sleep(POLL_S)
    record = job.experience.read()
    if not record or (not record.outcome and record.sessions == job.record.sessions):
        return
    died = open_session(record)
    if not died:
        raise Ended(End(Ending.MOVED_ON, "another process has trained it meanwhile"))
    process = died.process
    raise Ended(End(Ending.DIED, f"process {process.pid} on {process.host} was killed, or cut off"))


def _wait(link: Link, error: OSError) -> None:
    link.tell(Warned(f"its end cannot be written ({error}); trying again until it can"))


def _train(job: Job, link: Link, reached: TrainingProgress, hold: Hold) -> Outcome:
    try:
        with _mistakes(job):
            made, extension = _prepare(job, link)
            _outwait_others(
                job, link
            )  # to prepare took seconds, in which another may have begun: its files are its own
            hold.take(job.record)
            start = _make_ready(job, link)
            if extension and start.backup:
                preparation.compare_with_its_parent(job, *extension)
            proof = session.begin(job, link, start, made.batches.count, reached)
            _fit(job, link, made, start.backup, reached, proof)
    except (Diverged, Pruned) as end:
        return Outcome(State.PRUNED if isinstance(end, Pruned) else State.FAILED, now(), str(end))
    return Outcome(State.FINISHED, now())


@contextlib.contextmanager
def _mistakes(job: Job) -> Iterator[None]:
    """Make Raised of what the search space raises."""
    path = job.source.path
    try:
        yield
    except DataWrong as error:
        raise DataWrong(f"{path}: {error}.") from error
    except (Stopped, Ended, Superseded, SweepError, Diverged, Pruned):
        raise
    except Exception as error:
        if isinstance(error, OSError) and (
            is_gone_for_a_while(error) or _is_of_our_files(error, job)
        ):
            raise
        if lock := tf_cache_lock.lock_in(error):
            raise Ended(_unlock(lock)) from error
        raise Raised(f"{path.name}, {error_in_file(error, path)}", error) from error


def _is_of_our_files(error: OSError, job: Job) -> bool:
    """Tell whether an error of the disk met sweep's own files, and none that the search space reads or writes."""
    if error.filename is not None:
        return Path(os.fsdecode(error.filename)).is_relative_to(job.experience.path.parent)
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename in WRITERS for frame in frames) and not lines_in_file(
        error, job.source.path
    )


def _unlock(lock: Path) -> End:
    if tf_cache_lock.is_left_behind(lock):
        tf_cache_lock.remove(lock)
        return End(
            Ending.DIED,
            f"the cache that {lock} locks was being written when a training was cut off",
        )
    return End(Ending.GONE, f"another process writes the cache that {lock} locks")


def _prepare(job: Job, link: Link) -> tuple[Prepared, tuple[dict[str, Any], dict[str, Any]] | None]:
    """Return what is trained; and of an extension before its first session, how its parent was built, and how it was."""
    parameters = job.record.parameters
    space, batches, validation = _load(job, link)
    weigh = weigh_by_class(space, parameters, batches.spec())
    as_parent = preparation.how_its_parent_was_built(job, space, validation)
    model = preparation.build(space, parameters, validation)
    job.record.count_params = preparation.count_params(model)
    of_user = preparation.callbacks(space, parameters)
    link.tell(preparation.size(model))
    extension = (
        (as_parent, preparation.how_built(space, parameters, model, of_user)) if as_parent else None
    )
    return Prepared(model, batches, validation, weigh, of_user), extension


def _load(job: Job, link: Link) -> tuple[SearchSpace, BatchSource, BatchSource]:
    """Return the search space, and the batches of the training and of its validation."""
    begin_process(job.record)
    space = load(job.source)
    return space, *preparation.load_batches(job, space, lambda text: link.tell(Warned(text)))


def _make_ready(job: Job, link: Link) -> resume_start.Start:
    there = job.experience
    has_been_trained = (
        job.record.sessions or plain_files.is_file(there.log) or best_model.versions_in(there.path)
    )
    start = _newest_to_be_read(job, link)
    if has_been_trained and not start.backup:
        aside = f"; what there was of it is in {start.moved_to}" if start.moved_to else ""
        link.tell(Warned(f"begins again from the beginning: {start.why_anew}{aside}"))
    return start


def _newest_to_be_read(job: Job, link: Link) -> resume_start.Start:
    """Bring the folder back to its newest backup whose weights may be read."""
    while True:
        start = resume_start.make_ready(job.experience)
        why_not = hdf5.why_not_read(start.backup.weights) if start.backup else None
        if not start.backup or not why_not:
            return start
        weights, root = start.backup.weights, job.experience.path.parent
        aside = move_to_quarantine(weights, root)
        move_to_quarantine(start.backup.metadata, root)
        link.tell(Warned(f"{weights} {why_not}, so it is not read, and is now {aside}"))


def begin_process(record: Record) -> None:
    """Fix what decides the bits of a training beside its parameters: the threads and the seed."""
    silence_h5py()
    tf.config.threading.set_intra_op_parallelism_threads(record.threads)
    tf.config.threading.set_inter_op_parallelism_threads(record.threads)
    keras.utils.set_random_seed(record.seed)


def savers(
    job: Job,
    link: Link,
    made: Prepared,
    start: backup_files.Generation | None,
    reached: TrainingProgress,
    proof: Proof,
) -> tuple[BestModel, Log, Backup]:
    """Let a model train by our steps, and return the callbacks that write its files."""
    backup: Backup  # which the steps ask, and which saves the state of the model that they train
    heard = any(map(callback_hooks.hears_batches, made.of_user))
    most = None if heard else lambda: backup.batches_to_next()
    steps.take_over(made.model, made.batches, made.validation, most, made.weigh)
    state = TrainingState(made.model, made.of_user, (made.batches.made_of, made.validation.made_of))
    before = start.position.best() if start else None
    best = BestModel(
        job.experience.meilleur, job.record.objective, before, state.variables, job.experience.fence
    )
    log = Log(job.experience.log, job.experience.fence)
    contents = BackupContents(best, log, made.model, state)
    writer = BackupWriter(job, link, contents, reached)
    backup = Backup(job, link, writer, start, reached, proof)
    steps.before_compile(
        made.model,
        lambda: patiently(best.write_now, lambda error: _wait(link, error), link.stop_asked),
    )
    return best, log, backup


def _fit(
    job: Job,
    link: Link,
    made: Prepared,
    start: backup_files.Generation | None,
    reached: TrainingProgress,
    proof: Proof,
) -> None:
    """Train the epochs that are still to be trained."""
    epochs = job.record.parameters["epochs"]
    position = start.position if start else None
    reached.epoch, reached.batch = (position.epoch, position.batch) if position else (0, 0)
    link.tell(Begun(reached.epoch, reached.batch))
    link.can_save()
    reports = Reports(link, job, reached, position.curve() if position else [])
    if position and not position.batch and (position.stop_training or position.epoch >= epochs):
        reports.on_train_begin()
        return
    best, log, backup = savers(job, link, made, start, reached, proof)
    # The order is the promise: what a cut may leave behind is known only to the callbacks before it.
    callbacks = [
        WorkWatcher(backup),
        best,
        log,  # a row too many is cut back by a resume; a missing row would be lost for ever
        *made.of_user,
        Finite(job.record.objectives),  # after the log, whose last row shows the NaN
        backup,  # it means: all above is written
        reports,  # who hears of an epoch may count on it
    ]
    try:
        fit(made.model, (made.batches, made.validation), callbacks, reached.epoch, epochs)
    except (Stopped, Superseded, SweepError):
        raise
    except Pruned:
        backup.save_the_end()  # from where it can be taken up again
        backup.check_saved()
        raise
    except Exception:  # diverged, or failed: no backup follows, which would write the best model
        patiently(best.write_now, lambda error: _wait(link, error), link.stop_asked)
        raise
    backup.check_saved()


def _write_outcome(job: Job, outcome: Outcome, reached: TrainingProgress) -> None:
    """Write how it ended: before this, the experience is cut off; after it, finished, failed or pruned."""
    folder = job.experience
    best = folder.best(job.record)
    epochs = len(read_curve(folder.log, job.record.objective.name))
    if (
        outcome.state is State.FINISHED
        and best_model.find(folder.path, best, epochs) != folder.meilleur
    ):
        epoch = best.epoch if best else None
        raise NotSaved(
            f"{folder.meilleur} is not the model of epoch {epoch}; run the same command to go on."
        )
    outcome.log = size_and_sha256(folder.log) if plain_files.is_file(folder.log) else None
    outcome.model = (
        size_and_sha256(folder.meilleur) if plain_files.is_file(folder.meilleur) else None
    )
    session.end(job, "outcome", reached, outcome)

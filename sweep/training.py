"""One experience, from wherever it is, to its end."""

import time
import traceback
from dataclasses import replace

import keras
import tensorflow as tf

from sweep import building, hdf5, meilleur, plain_files, resume, session, steps
from sweep.backup import Backup, NotSaved, Overtaken, Stopped, Watched, fit
from sweep.building import Prepared
from sweep.callbacks import BestModel, Diverged, Finite, Log, Logs, silence_h5py
from sweep.class_weight import weigh_by_class
from sweep.data import DataWrong
from sweep.errors import SweepError
from sweep.experience import Experience
from sweep.files import is_gone_for_a_while, move_to_quarantine, patiently, size_and_sha256
from sweep.host import now
from sweep.job import Begun, End, Ending, EpochDone, Job, Link, Warned
from sweep.lease import Lease, open_session
from sweep.log import read_curve
from sweep.proof import Proof
from sweep.record import Outcome, Record, State
from sweep.search_space import error_in_file, lines_in_file, load
from sweep.session import Reached
from sweep.state import TrainingState

POLL_S = 0.1


class Pruned(Exception):  # an end of a training, no error of the program
    """The pruner ends the training."""


class Reports(keras.callbacks.Callback):
    """Tells the controller and the folder how far the training is, and ends it on the word of the pruner."""

    def __init__(self, link: Link, job: Job, reached: Reached, curve: list[float]) -> None:
        super().__init__()
        self._link, self._job, self._reached, self._curve = link, job, reached, curve

    def on_train_begin(self, logs: Logs = None) -> None:
        if self._curve:  # the cut may have come before the answer
            self._ask(EpochDone(len(self._curve) - 1, self._curve[-1]))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._reached.sign:
            self._reached.sign.beat()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._ask(EpochDone(epoch, float((logs or {})[self._job.record.aim.name])))

    def _ask(self, done: EpochDone) -> None:
        if not self._job.prunes:
            self._link.tell(done)
        elif why := self._link.should_prune(done):
            raise Pruned(why)


def train(job: Job, link: Link) -> End:
    """Bring the experience to its end, from its newest backup if it has one, and write how it ended.

    Returns:
        How it ended. What the search space raises is an outcome too: the experience has failed, with its reason.
    """
    if job.cluster:  # another host may come to the root by another way, through links of its own
        path = job.experience.path
        job = replace(job, experience=Experience(path.parent.resolve() / path.name))
    try:
        return _to_its_end(job, link, Reached())
    except Overtaken:
        return End(Ending.MOVED_ON, "another process has begun to train it meanwhile")
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except OSError as error:
        if is_gone_for_a_while(error):
            return End(Ending.GONE, f"{job.experience.path} does not answer ({error})")
        return End(Ending.REFUSED, f"{job.experience.path} cannot be written: {error}; mend that and run again.")


def _to_its_end(job: Job, link: Link, reached: Reached) -> End:
    moved_on = _outwait_others(job, link)
    if moved_on:
        return moved_on
    try:
        outcome = _train(job, link, reached)
        patiently(lambda: _write_outcome(job, outcome, reached), lambda error: _wait(link, error), link.stop_asked)
    except Stopped:
        session.end(job, "stopped", reached)
        return End(Ending.STOPPED)
    return End(Ending.OUTCOME)


def _outwait_others(job: Job, link: Link) -> End | None:
    """Wait while another process trains here, and tell what became of it: the record of this job is then an old one."""
    lease, said = Lease(job.experience), False
    while other := lease.holder():
        if not said:
            link.tell(Warned(f"process {other['pid']} on {other['host']} trains it, and is waited for"))
            said = True
        if link.stop_asked():
            return End(Ending.STOPPED)
        time.sleep(POLL_S)
    record = job.experience.read()
    if not record or (not record.outcome and record.sessions == job.record.sessions):
        return None
    died = open_session(record)
    if not died:
        return End(Ending.MOVED_ON, "another process has trained it meanwhile")
    return End(Ending.DIED, f"process {died['process']['pid']} on {died['process']['host']} was killed, or cut off")


def _wait(link: Link, error: OSError) -> None:
    link.tell(Warned(f"its end cannot be written ({error}); trying again until it can"))


def _train(job: Job, link: Link, reached: Reached) -> Outcome:
    parameters = job.record.parameters
    try:
        begin_process(job.record)
        space = load(job.source)
        batches, validation = building.load_batches(job, space, lambda text: link.tell(Warned(text)))
        weigh = weigh_by_class(space, parameters, batches.spec())
        as_parent = building.how_its_parent_was_built(job, space, validation)
        model = building.build(space, parameters, validation)
        job.record.count_params = building.count_params(model)
        of_user = building.callbacks(space, parameters)
        link.tell(building.size(model))
        there = job.experience
        if _outwait_others(job, link):  # to prepare took seconds, in which another may have begun: its files are its own
            raise Overtaken
        has_been_trained = job.record.sessions or plain_files.is_file(there.log) or meilleur.versions_in(there.path)
        start = _make_ready(job, link)
        if has_been_trained and not start.backup:
            link.tell(Warned(f"begins again from the beginning: {start.why_anew}"))
        if as_parent and start.backup:
            building.compare_with_its_parent(job, as_parent, building.how_built(space, parameters, model, of_user))
        proof = session.begin(job, link, start, batches.count, reached)
        made = Prepared(model, batches, validation, weigh, of_user)
        _fit(job, link, made, start.backup, reached, proof)
    except DataWrong as error:
        raise DataWrong(f"{job.source.path}: {error}.") from error
    except (Stopped, Overtaken, SweepError):
        raise
    except (Diverged, Pruned) as end:
        return Outcome(State.PRUNED if isinstance(end, Pruned) else State.FAILED, now(), str(end))
    except Exception as error:
        if isinstance(error, OSError) and (is_gone_for_a_while(error) or not lines_in_file(error, job.source.path)):
            raise  # the disk's error, and none of the search space: the experience has not failed
        reason = f"{job.source.path.name}, {error_in_file(error, job.source.path)}"
        return Outcome(State.FAILED, now(), reason, traceback=traceback.format_exc())
    return Outcome(State.FINISHED, now())


def _make_ready(job: Job, link: Link) -> resume.Start:
    """Bring the folder back to its newest backup whose weights may be read."""
    while True:
        start = resume.make_ready(job.experience)
        why_not = hdf5.why_not_read(start.backup.weights) if start.backup else None
        if not start.backup or not why_not:
            return start
        weights = start.backup.weights
        aside = move_to_quarantine(weights, job.experience.path.parent)
        link.tell(Warned(f"{weights} {why_not}, so it is not read, and is now {aside}"))


def begin_process(record: Record) -> None:
    """Fix what decides the bits of a training beside its parameters: the threads and the seed."""
    silence_h5py()
    tf.config.threading.set_intra_op_parallelism_threads(record.threads)
    tf.config.threading.set_inter_op_parallelism_threads(record.threads)
    keras.utils.set_random_seed(record.seed)


def savers(
    job: Job, link: Link, made: Prepared, start: resume.Generation | None, reached: Reached, proof: Proof
) -> tuple[BestModel, Log, Backup]:
    """Let a model train by our steps, and return the callbacks that write its files."""
    backup: Backup  # which the steps ask, and which saves the state of the model that they train
    heard = any(map(steps.hears_batches, made.of_user))
    most = None if heard else lambda: backup.batches_to_next()
    steps.take_over(made.model, made.batches, made.validation, most, made.weigh)
    state = TrainingState(made.model, made.of_user, (made.batches.made_of, made.validation.made_of))
    before = start.position.best() if start else None
    best = BestModel(job.experience.meilleur, job.record.aim, before, state.variables)
    log = Log(job.experience.log)
    backup = Backup(job, link, start, state, best, log, reached, proof)
    steps.before_compile(made.model, lambda: patiently(best.write_now, lambda error: _wait(link, error), link.stop_asked))
    return best, log, backup


def _fit(job: Job, link: Link, made: Prepared, start: resume.Generation | None, reached: Reached, proof: Proof) -> None:
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
        Watched(backup),
        best,
        log,  # a row too many is cut back by a resume; a missing row would be lost for ever
        *made.of_user,
        Finite(job.record.aims),  # after the log, whose last row shows the NaN
        backup,  # it means: all above is written
        reports,  # who hears of an epoch may count on it
    ]
    try:
        fit(made.model, (made.batches, made.validation), callbacks, reached.epoch, epochs)
    except (Stopped, Overtaken, SweepError):
        raise
    except Pruned:
        backup.save_the_end()  # from where it can be taken up again
        backup.check_saved()
        raise
    except Exception:  # diverged, or failed: no backup follows, which would write the best model
        patiently(best.write_now, lambda error: _wait(link, error), link.stop_asked)
        raise
    backup.check_saved()


def _write_outcome(job: Job, outcome: Outcome, reached: Reached) -> None:
    """Write how it ended: before this, the experience is cut off; after it, finished, failed or pruned."""
    experience = job.experience
    best = experience.best(job.record)
    epochs = len(read_curve(experience.log, job.record.aim.name))
    if outcome.state is State.FINISHED and meilleur.find(experience.path, best, epochs) != experience.meilleur:
        epoch = best.epoch if best else None
        raise NotSaved(f"{experience.meilleur} is not the model of epoch {epoch}; run the same command to go on.")
    outcome.log = size_and_sha256(experience.log) if plain_files.is_file(experience.log) else None
    outcome.model = size_and_sha256(experience.meilleur) if plain_files.is_file(experience.meilleur) else None
    session.end(job, "outcome", reached, outcome)

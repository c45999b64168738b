"""One experience, from wherever it is, to its end."""

import difflib
import time
import traceback
from typing import Any

import keras
import tensorflow as tf

from sweep import resume
from sweep.backup import Backup, Stopped, Unsaved, WayOn
from sweep.batches import Batches, DataWrong, check_data
from sweep.callbacks import BestModel, Diverged, Finite, Log, Logs
from sweep.errors import SweepError
from sweep.experience import Outcome, Record, State
from sweep.host import gpu_is_visible, now, processor, this_process, versions
from sweep.job import BatchDone, Begun, End, Ending, EpochDone, Job, Link, Warned
from sweep.log import best_val_acc, read_val_acc, val_acc_by_epoch
from sweep.search_space import SearchSpace, SearchSpaceWrong, error_in_file, lines_in_file, load

NEWS_EVERY_S = 0.5


class Pruned(Exception):  # an end of a training, no error of the program
    """The pruner ends the training."""


class Reports(keras.callbacks.Callback):
    """Tells the controller how far the training is, and ends it on the word of the pruner."""

    def __init__(self, link: Link, batches: int, val_acc: list[float]) -> None:
        super().__init__()
        self._link, self._batches, self._val_acc = link, batches, val_acc
        self._epoch, self._told_at = 0, 0.0

    def on_train_begin(self, logs: Logs = None) -> None:
        if self._val_acc:  # the cut may have come before the answer
            self._ask(EpochDone(len(self._val_acc) - 1, self._val_acc[-1]))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if time.monotonic() - self._told_at > NEWS_EVERY_S:
            self._told_at = time.monotonic()
            self._link.tell(BatchDone(self._epoch, batch + 1, self._batches))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._ask(EpochDone(epoch, float((logs or {})["val_acc"])))

    def _ask(self, done: EpochDone) -> None:
        if self._link.should_prune(done):
            raise Pruned(f"the pruner ended it after epoch {done.epoch}")


def train(job: Job, link: Link) -> End:
    """Bring the experience to its end, from its newest backup if it has one, and write how it ended.

    Returns:
        How it ended. What the search space raises is an outcome too: the experience has failed, with its reason.
    """
    try:
        return _write_outcome(job, _train(job, link))
    except Stopped:
        return End(Ending.STOPPED)
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except OSError as error:
        return End(Ending.REFUSED, f"{job.experience.path} cannot be written: {error}; mend that and run again.")


def _train(job: Job, link: Link) -> Outcome:
    parameters = job.record.parameters
    try:
        _begin_process(job.record)
        space = load(job.source)
        batches, validation = _load_batches(space, parameters)
        model = _build(space, parameters, validation)
        of_user = _callbacks(space, parameters)
        start = resume.make_ready(job.experience)
        _begin_session(job, start)
        _fit(job, link, model, batches, validation, of_user, start)
    except (Stopped, SweepError):
        raise
    except (Diverged, Pruned) as end:
        state = State.PRUNED if isinstance(end, Pruned) else State.FAILED
        return Outcome(state, now(), str(end))
    except Exception as error:
        if isinstance(error, OSError) and not lines_in_file(error, job.source.path):
            raise  # the disk's error, and none of the search space: the experience has not failed
        reason = f"{job.source.path.name}, {error_in_file(error, job.source.path)}"
        return Outcome(State.FAILED, now(), reason, traceback=traceback.format_exc())
    return Outcome(State.FINISHED, now())


def _begin_process(record: Record) -> None:
    """Fix what decides the bits of a training beside its parameters: the threads and the seed."""
    tf.config.threading.set_intra_op_parallelism_threads(record.threads)
    tf.config.threading.set_inter_op_parallelism_threads(record.threads)
    keras.utils.set_random_seed(record.seed)


def _load_batches(space: SearchSpace, parameters: dict[str, Any]) -> tuple[Batches, Batches]:
    try:
        (x_train, y_train), (x_val, y_val) = check_data(space.load_data())
    except DataWrong as error:
        raise DataWrong(f"{space.source.path}: {error}.") from error
    size, seed = parameters["batch_size"], parameters["seed"]
    return Batches(x_train, y_train, size, seed), Batches(x_val, y_val, size, seed, shuffle=False)


def _build(space: SearchSpace, parameters: dict[str, Any], validation: Batches) -> keras.Model:
    """Build the model, its metrics too: a batch of validation does, and the trace of it is used again.

    Raises:
        SearchSpaceWrong: there is no compiled model with a metric acc.
    """
    path = space.source.path
    model = space.build_model(parameters)
    if not isinstance(model, keras.Model):
        raise SearchSpaceWrong(f"{path}: build_model returns a {type(model).__name__}; return a keras.Model.")
    if not model.compiled:
        raise SearchSpaceWrong(f"{path}: build_model returns a model that is not compiled; call model.compile(…).")
    metrics = model.evaluate(validation.dataset.take(1), verbose=0, return_dict=True)
    if "acc" not in metrics:
        names = [name for name in metrics if name != "loss"]
        near = next(iter(difflib.get_close_matches("acc", names, 1, 0.3)), None)
        found = f"only {', '.join(names)}" if names else "none"
        mend = f'name="acc" for {near}' if near else 'metrics=["acc"]'
        raise SearchSpaceWrong(f'{path}: build_model compiles no metric named "acc" ({found}); give compile(…) {mend}.')
    return model


def _callbacks(space: SearchSpace, parameters: dict[str, Any]) -> list[keras.callbacks.Callback]:
    """Raises SearchSpaceWrong where there is something else than callbacks."""
    callbacks = space.callbacks(parameters)
    if not isinstance(callbacks, list | tuple) or any(not isinstance(one, keras.callbacks.Callback) for one in callbacks):
        raise SearchSpaceWrong(f"{space.source.path}: callbacks returns {callbacks!r}; return a list of keras.callbacks.")
    return list(callbacks)


def _begin_session(job: Job, start: resume.Generation | None) -> None:
    """Write ``experience.json``, before the first batch."""
    record = job.record
    position = start.position if start else None
    session = {
        "begun": now(),
        "epoch": position.epoch if position else 0,
        "batch": position.batch if position else 0,
        "process": this_process(),
        "processor": processor(),
        "versions": versions(),
    }
    record.approximate_because = record.approximate_because or _approximate_because(record, session)
    record.sessions.append(session)
    job.experience.write(record)


def _mark_approximate(job: Job, reason: str) -> None:
    """Write why the training may differ from an uncut one; the first reason stays."""
    if not job.record.approximate_because:
        job.record.approximate_because = reason
        job.experience.write(job.record)


def _approximate_because(record: Record, session: dict[str, Any]) -> str | None:
    if gpu_is_visible():
        return "trained where a GPU is visible, whose arithmetic was never compared over a cut"
    goes_on = session["epoch"] or session["batch"]
    for before in record.sessions[-1:] if goes_on else ():
        for what, how in (("processor", "on another processor"), ("versions", "with other versions")):
            if session[what] != before[what]:
                return f"it went on {how}: {before[what]}, then {session[what]}"
    return None


def _fit(
    job: Job,
    link: Link,
    model: keras.Model,
    batches: Batches,
    validation: Batches,
    of_user: list[keras.callbacks.Callback],
    start: resume.Generation | None,
) -> None:
    """Train the epochs that are still to be trained."""
    experience, epochs = job.experience, job.record.parameters["epochs"]
    position = start.position if start else None
    link.tell(Begun(position.epoch if position else 0, position.batch if position else 0, epochs))
    link.can_save()
    if position and not position.batch and (position.stop_training or position.epoch >= epochs):
        return
    val_acc = val_acc_by_epoch(position.log.encode(), experience.log) if position else []
    best, log = BestModel(experience.meilleur, best_val_acc(val_acc)), Log(experience.log)
    backup = Backup(
        experience.sauvegarde,
        job.save_freq,
        start,
        batches,
        of_user,
        best,
        log,
        link.stop_asked,
        lambda text: link.tell(Warned(text)),
        lambda reason: _mark_approximate(job, reason),
    )
    # The order is the promise: what a cut may leave behind is known only to the callbacks before it.
    callbacks = [
        best,
        log,  # a row too many is cut back by a resume; a missing row would be lost for ever
        *of_user,
        Finite(),  # after the log, whose last row shows the NaN
        backup,  # it means: all above is written
        Reports(link, batches.count, val_acc),  # who hears of an epoch may count on it
    ]
    model.fit(
        batches.dataset,
        epochs=epochs,
        initial_epoch=position.epoch if position else 0,
        validation_data=validation.dataset,
        callbacks=WayOn(callbacks, model, position, epochs=epochs, steps=batches.count, verbose=0),
        shuffle=False,  # the dataset has its order
        verbose=0,
    )
    backup.check_saved()


def _write_outcome(job: Job, outcome: Outcome) -> End:
    """Write how it ended: before this, the experience is cut off; after it, finished, failed or pruned."""
    experience, record = job.experience, job.record
    best = best_val_acc(read_val_acc(experience.log))
    if best:
        outcome.val_acc, outcome.epoch = best
    if outcome.state is State.FINISHED and not resume.is_whole_model(experience.meilleur):
        raise Unsaved(f"{experience.meilleur} is not whole; mend the drive, and run the same command to go on.")
    record.outcome = outcome
    experience.write(record)
    return End(Ending.OUTCOME)

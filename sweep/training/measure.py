"""What a training costs, measured on some batches: all is made as ``sweep.training.train`` makes it, and nothing is written."""

import resource
import sys
import time
from collections.abc import Callable

import keras

from sweep.errors import SweepError
from sweep.space.mistakes import mistake_of
from sweep.space.search_space import SearchSpace, load
from sweep.training import callback_hooks, preparation, steps
from sweep.training.callback_hooks import Logs
from sweep.training.data.arrays import DataWrong
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.class_weight import weigh_by_class
from sweep.training.data.loading import load_here
from sweep.training.fit import fit
from sweep.training.preparation import Prepared
from sweep.training.protocol import Cost, End, Ending, Job, Link, Warned
from sweep.training.train import begin_process

TIMED_S = 1.0  # of training, and of validation
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of getrusage


class Stopwatch(keras.callbacks.Callback):
    """Times an epoch and its validation, of which it ends each after some seconds, but not before a batch.

    Args:
        batches: what is trained on.
        validation: what it is validated with.
    """

    def __init__(self, batches: BatchSource, validation: BatchSource) -> None:
        super().__init__()
        self._batches, self._validation = batches, validation
        self.limit_s = self.epoch_s = self._begun = self._trained = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.model.train_function.begin(epoch)
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.model.stop_training = time.perf_counter() - self._begun >= self.limit_s

    def on_test_begin(self, logs: Logs = None) -> None:
        self._trained = time.perf_counter()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.model.stop_evaluating = time.perf_counter() - self._trained >= self.limit_s

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Reckon the whole of the epoch from the part that was done."""
        train_s, test_s = self._trained - self._begun, time.perf_counter() - self._trained
        self.epoch_s = train_s * self._batches.count / self.model.train_function.done
        self.epoch_s += test_s * self._validation.count / self.model.test_function.done


def measure(job: Job, link: Link) -> End:
    """Tell the link what the job costs: its ``Sized`` and its ``Cost``.

    Returns:
        How it ended: REFUSED, in one sentence, where the search space raises or cannot be trained.
    """
    return refusing(job, lambda: _measure(job, link))


def refusing(job: Job, work: Callable[[], object]) -> End:
    """Do the work, and return REFUSED, in one sentence, where the search space raises or cannot be trained."""
    try:
        work()
    except DataWrong as error:
        return End(Ending.REFUSED, f"{job.source.path}: {error}.")
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except Exception as error:  # noqa: BLE001 # the search space is the user's, and may raise anything
        return End(Ending.REFUSED, str(mistake_of(error, job.source.path)))
    return End(Ending.OUTCOME)


def prepare(
    job: Job, batches_of: Callable[[SearchSpace], tuple[BatchSource, BatchSource]]
) -> Prepared:
    """Return what the job trains, made as for a training of it.

    Args:
        job: whose search space is loaded.
        batches_of: returns the batches of the training and those of its validation.
    """
    begin_process(job.record)
    space, parameters = load(job.source), job.record.parameters
    batches, validation = batches_of(space)
    weigh = weigh_by_class(space, parameters, batches.spec())
    model = preparation.build(space, parameters, validation)
    return Prepared(model, batches, validation, weigh, preparation.callbacks(space, parameters))


def _measure(job: Job, link: Link) -> None:
    begun = time.perf_counter()
    made = prepare(
        job,
        lambda space: preparation.make_batches(
            job, space, load_here(space).data, lambda text: link.tell(Warned(text))
        ),
    )
    model, batches, validation, of_user = made.model, made.batches, made.validation, made.of_user
    link.tell(preparation.size(model))
    heard = any(map(callback_hooks.hears_batches, of_user))
    steps.take_over(
        model, batches, validation, None if heard else lambda: batches.count, made.weigh
    )
    stopwatch = Stopwatch(batches, validation)
    fit(
        model, (batches, validation), [*of_user, stopwatch], 0, 1
    )  # a batch of each, for which TensorFlow makes its graphs
    start_s = time.perf_counter() - begun
    stopwatch.limit_s = TIMED_S
    fit(model, (batches, validation), [*of_user, stopwatch], 1, 2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES
    link.tell(
        Cost(
            preparation.count_params(model),
            start_s,
            stopwatch.epoch_s,
            memory,
            _architecture(model),
        )
    )


def _architecture(model: keras.Model) -> str:
    """Return what is alike in models that differ in sizes and rates only."""
    kinds = [type(layer).__name__ for layer in model._flatten_layers()]  # noqa: SLF001 # those in layers, too
    return ", ".join([*kinds, type(model.optimizer).__name__])

"""The cost of a training, measured on some batches.

All is made as in ``sweep.training.train``, and nothing is written.
"""

import resource
import sys
import time
from collections.abc import Callable

import keras

from sweep.errors import SweepError
from sweep.space.mistakes import mistake_of
from sweep.space.noted_parameters import NotedParameters
from sweep.space.search_space import SearchSpace
from sweep.training import steps
from sweep.training.callback_hooks import Logs, hears_batches
from sweep.training.data.as_array import DataWrong
from sweep.training.data.batch_source import BatchSource
from sweep.training.data.loading import load_here
from sweep.training.findings import Findings
from sweep.training.fit import fit
from sweep.training.model_build import count_params, disk_size
from sweep.training.monitored_callback import Monitored
from sweep.training.phase_preparation import each_phase
from sweep.training.preparation import prepare
from sweep.training.protocol import Cost, End, Ending, Job, Link, Warned
from sweep.training.training_data import make_batches
from sweep.training.training_phases import one_phase

TIMED_S = 1.0  # of training, and of validation
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of getrusage


class Stopwatch(keras.callbacks.Callback):
    """A callback that times a part of an epoch, and a part of its validation.

    It ends each after ``limit_s`` seconds, but not before its first batch.

    Args:
        batches: the batches of the training.
        validation: the batches of the validation.
    """

    def __init__(self, batches: BatchSource, validation: BatchSource) -> None:
        super().__init__()
        self._batches, self._validation = batches, validation
        self.limit_s = self.epoch_s = 0.0
        self._begun_at = self._trained_at = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self.model.train_function.begin(epoch)
        self._begun_at = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.model.stop_training = time.perf_counter() - self._begun_at >= self.limit_s

    def on_test_begin(self, logs: Logs = None) -> None:
        self._trained_at = time.perf_counter()

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self.model.stop_evaluating = time.perf_counter() - self._trained_at >= self.limit_s

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Estimate the time of a whole epoch from the part that was done."""
        train_s, test_s = self._trained_at - self._begun_at, time.perf_counter() - self._trained_at
        self.epoch_s = train_s * self._batches.count / self.model.train_function.done
        self.epoch_s += test_s * self._validation.count / self.model.test_function.done


def measure(job: Job, link: Link) -> End:
    """Tell the link the cost of the job: its ``Sized`` and its ``Cost``.

    Returns:
        How it ended: REFUSED, with a sentence, where the search space raises or cannot be trained.
    """
    return refusing(job, lambda: _measure(job, link))


def refusing(job: Job, work: Callable[[], object]) -> End:
    """Do the work, and return REFUSED where the search space raises or cannot be trained."""
    try:
        work()
    except DataWrong as error:
        return End(Ending.REFUSED, f"{job.source.path}: {error}.")
    except SweepError as error:
        return End(Ending.REFUSED, str(error))
    except Exception as error:  # noqa: BLE001 # a search space may raise anything
        return End(Ending.REFUSED, str(mistake_of(error, job.source.path)))
    return End(Ending.OUTCOME)


def _measure(job: Job, link: Link) -> None:
    begun = time.perf_counter()

    def batches_of(space: SearchSpace, findings: Findings) -> tuple[BatchSource, BatchSource]:
        loaded = load_here(space, NotedParameters(job.record.parameters))
        return make_batches(job, space, loaded, findings, lambda text: link.tell(Warned(text)))

    made = prepare(job, batches_of)
    model, batches = made.model, made.batches
    is_heard = any(map(hears_batches, made.of_user))
    most = None if is_heard else lambda: batches.count
    steps.take_over(model, batches, made.validation, most, made.weigh)
    stopwatch = Stopwatch(batches, made.validation)
    monitored = Monitored(job.source.path, made.findings.objectives)
    data, callbacks = (batches, made.validation), [*made.of_user, monitored, stopwatch]
    start_s = trained_s = 0.0
    for phase in each_phase(made.phases, model, job.record.parameters, made.validation):
        link.tell(disk_size(model))
        # One batch of the training and one of the validation: TensorFlow makes its graphs for them.
        stopwatch.limit_s = 0.0
        fit(model, data, callbacks, 0, one_phase(1))
        start_s += time.perf_counter() - begun
        stopwatch.limit_s = TIMED_S
        fit(model, data, callbacks, 1, one_phase(2))
        trained_s += phase.epochs * stopwatch.epoch_s
        begun = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES
    epoch_s = trained_s / job.record.parameters["epochs"]
    link.tell(Cost(count_params(model), start_s, epoch_s, memory, _architecture(model)))


def _architecture(model: keras.Model) -> str:
    """Return a text that is equal for models that differ in sizes and rates only."""
    layers = model._flatten_layers()  # noqa: SLF001 # layers inside layers, too
    kinds = [type(layer).__name__ for layer in layers]
    return ", ".join([*kinds, type(model.optimizer).__name__])

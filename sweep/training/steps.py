"""Many batches in one call of TensorFlow, where ``fit`` and ``evaluate`` call once for each batch.

A small model spends most of its time in Python, between two batches. The number of batches in a
call changes no bit of the result: see ``sweep.training.batch_loops``.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from sweep.training.batch_loops import NUMBER, GraphLoop, PythonLoop, Step, operations
from sweep.training.data.batch_source import BatchSource

CALL_S = 0.1  # a stop, a save and a heartbeat wait for the end of a call
# Operations of TensorFlow that draw from a state of their own, which nobody can read.
INEXACT = {
    *("RandomUniform", "RandomUniformInt", "RandomStandardNormal"),
    *("TruncatedNormal", "ParameterizedTruncatedNormal"),
    *("RandomShuffle", "Multinomial", "RandomGamma", "RandomPoisson", "RandomPoissonV2"),
}
# Operations that call a function in Python.
OF_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}

Weigh = Callable[[Any], Any]  # takes a batch, returns it with its sample weights


class Steps:
    """A model's ``train_function`` or ``test_function``, which does many batches in one call.

    Keras calls it once for each batch; it returns at once where a batch is done already. Where a
    callback of the user trains or tests on data of its own, Keras's own function does the work.

    Args:
        model: built and compiled.
        step: its ``train_step`` or ``test_step``.
        batches: the batches of an epoch, or of a validation.
        most: see ``take_over``.
        weigh: see ``take_over``.
    """

    def __init__(
        self,
        model: keras.Model,
        step: Step,
        batches: BatchSource,
        most: Callable[[], int | None] | None,
        weigh: Weigh | None = None,
    ) -> None:
        weighed_step: Step = (lambda batch: step(weigh(batch))) if weigh else step
        in_graph = batches.in_graph and not model.run_eagerly
        loop = GraphLoop if in_graph else PythonLoop
        self._loop: GraphLoop | PythonLoop = loop(model, weighed_step, batches)
        self._batches, self._count, self._model, self._step = batches, batches.count, model, step
        self._keras_own: Callable[[Any], dict[str, Any]] | None = None
        self._unit: int = model.steps_per_execution  # batches between two of Keras's calls
        self._calls, self._batch_s = 0, float("inf")
        self._most = most or (lambda: self._unit)
        self.done, self.has_worked = 0, False
        self._next = 0
        self._logs: dict[str, Any] = {}

    def begin(self, epoch: int = 0, done: int = 0, logs: dict[str, Any] | None = None) -> None:
        """Begin an epoch with ``done`` of its batches done, the last of which logged ``logs``."""
        self._batches.begin(epoch, done)
        self.done, self.has_worked = done, False
        self._next, self._logs = 0, logs or {}

    def trace(self) -> None:
        """Make the graphs, as the first call would, and run nothing."""
        self._loop.trace()

    @property
    def is_traced(self) -> bool:
        """Whether there are graphs."""
        return self._loop.concrete is not None

    def variables(self) -> list[tf.Variable]:
        """Return the variables that the graphs use, in the order of use; none without a graph."""
        return list(self._loop.concrete.variables) if self.is_traced else []

    def inexact(self) -> list[str]:
        """Return the names of the operations in the graphs whose state cannot be saved."""
        return sorted(operations(self._loop.concrete) & INEXACT) if self.is_traced else []

    def calls_python(self) -> bool:
        """Return whether Python does a part of the work, and keep state; True without a graph."""
        in_graph = isinstance(self._loop, GraphLoop) and self.is_traced
        return not in_graph or bool(operations(self._loop.concrete) & OF_PYTHON)

    @property
    def reads_ahead(self) -> bool:
        """Whether batches are made before they are trained.

        What such batches draw at random depends on nothing but the epoch.
        """
        return self._batches.reads_ahead

    @property
    def batch_s(self) -> float:
        """The seconds that a batch takes; infinite while that is not known."""
        return self._batch_s

    def passes_over(self, batch: int) -> bool:
        """Return whether the call for this batch will have nothing to do."""
        return batch < self.done

    def __call__(self, iterator: Any) -> dict[str, Any]:
        """Do the next batches, unless they are done, and return what the last of them logged."""
        if getattr(iterator, "element_spec", None) != NUMBER:
            if not self._keras_own:
                self._keras_own = self._model._make_function(self._step)  # noqa: SLF001
            return self._keras_own(iterator)
        self.has_worked = not self.passes_over(self._next)
        self._next += self._unit
        if self.has_worked:
            self._work(self._batches_of_a_call())
        return self._logs

    def _batches_of_a_call(self) -> int:
        """Return how many batches take about ``CALL_S``, in whole units until the last."""
        left, most = self._count - self.done, int(CALL_S / self._batch_s)
        most = min(most, self._most() or left)
        return min(left, max(1, most // self._unit) * self._unit)

    def _work(self, count: int) -> None:
        begun = time.perf_counter()
        self._logs = self._loop(self.done, count)
        self.done += count
        if self._calls:  # the first call traces the graph
            self._batch_s = (time.perf_counter() - begun) / count
        self._calls += 1
        if self.done == self._count:
            self._batches.end()


def build(model: keras.Model, batches: BatchSource) -> dict[str, Any]:
    """Build all of a compiled model by testing it on a batch, and return what that logs."""
    logs: dict[str, Any] = model.test_step(batches.first())
    model.reset_metrics()
    return logs


def take_over(
    model: keras.Model,
    train: BatchSource,
    test: BatchSource,
    most: Callable[[], int | None] | None,
    weigh: Weigh | None = None,
) -> None:
    """Make ``fit``, which is given ``Batches.numbers``, use ``Steps``, after a new ``compile`` too.

    Args:
        model: built and compiled.
        train: the batches of an epoch.
        test: the batches of a validation.
        most: returns the most batches to train in one call, None for any number. Without it, the
            model trains and tests in the units that it was compiled with, because a callback hears
            of each.
        weigh: gives the batches of the training their weights by class.
    """

    def make_train_function(force: bool = False) -> None:
        if force or not model.train_function:
            model.train_function = Steps(model, model.train_step, train, most, weigh)

    def make_test_function(force: bool = False) -> None:
        if force or not model.test_function:
            most_tests = (lambda: test.count) if most else None
            model.test_function = Steps(model, model.test_step, test, most_tests)

    model.make_train_function, model.make_test_function = make_train_function, make_test_function
    make_train_function(force=True)
    make_test_function(force=True)


def before_compile(model: keras.Model, work: Callable[[], None]) -> None:
    """Do ``work`` before a callback compiles the model anew, and so forgets its optimizer."""
    compile_anew = model.compile

    def compile_later(*args: Any, **kwargs: Any) -> None:
        work()
        compile_anew(*args, **kwargs)

    model.compile = compile_later

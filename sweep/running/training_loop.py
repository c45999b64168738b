"""The workers of a sweep, and what they do until it is over."""

import contextlib
import functools
import threading
from collections.abc import Callable, Collection, Iterator

import joblib

from sweep.running.agenda import Agenda, Step
from sweep.running.first_error import FirstError
from sweep.running.opening import OpenSweep
from sweep.running.trial_runner import TrialRunner

LOOK_S = 1.0


class TrainingLoop:
    """Trains the trials of a sweep, several at once: the interrupted ones first, then new ones.

    Args:
        sweep: open.
        first_error: is given the error that ends the sweep.
        wanted: see ``Agenda``.
    """

    def __init__(
        self, sweep: OpenSweep, first_error: FirstError, wanted: Collection[str] = ()
    ) -> None:
        self._sweep, self._first_error = sweep, first_error
        self._place, self._limits = sweep.place, sweep.limits
        self._progress, self._stop = sweep.context.progress, sweep.context.stop
        self._runner = TrialRunner(sweep)
        self._agenda = Agenda(sweep, self._runner, wanted)

    def run(self) -> None:
        """Train what there is to train, and say what ends the sweep before its last trial."""
        if not self._agenda.is_empty():
            with self._stopped_in_time():
                try:
                    self._train()
                finally:
                    self._place.forget(self._sweep.run)
        if not self._stop.is_set():
            reason = self._limits.too_late or self._limits.next_trial().reason
            if reason:
                self._progress.say(reason)

    def _train(self) -> None:
        workers = self._sweep.context.settings.workers
        if self._place.cluster:
            self._progress.say(f"training on {self._place.cluster}, {workers} at a time")
        else:
            self._progress.say("importing Keras, once for all trainings")
        self._place.start()
        with self._progress.sweep(self._sweep.context.root):
            # ``pre_dispatch`` and ``batch_size`` let joblib take a trial from the iterator only
            # when a thread is free, so that the sampler sees every result so far.
            slots = joblib.Parallel(
                n_jobs=workers,
                backend="threading",
                pre_dispatch="n_jobs",
                batch_size=1,
                return_as="generator_unordered",
            )
            for _ in slots(joblib.delayed(work)() for work in self._works()):
                pass
        if not self._first_error.has_come():
            self._runner.check_none_is_left()

    @contextlib.contextmanager
    def _stopped_in_time(self) -> Iterator[None]:
        """Let all trainings save and stop when the time is up, by a thread of its own."""
        is_over = threading.Event()

        def wait() -> None:
            self._place.wait_until_warm(self._stop)
            self._limits.begin_timing()
            left_s, reason = self._limits.time_left()
            # A training may tell meanwhile that its last save takes longer.
            while left_s > 0 and not is_over.wait(min(left_s, LOOK_S)):
                left_s, reason = self._limits.time_left()
            if left_s <= 0 and not self._stop.is_set():
                self._progress.say(reason)
                self._stop.set()

        threading.Thread(target=wait, daemon=True).start()
        try:
            yield
        finally:
            is_over.set()

    def _works(self) -> Iterator[Callable[[], None]]:
        """Yield what a worker does next, as soon as it is free."""
        try:
            while True:
                ended = self._agenda.ended
                step = self._agenda.next()
                if step:
                    yield functools.partial(self._take, step)
                elif self._agenda.is_over(ended) or not self._sweep.may_train():
                    return
                else:  # the end of what is under way may show what is to be done
                    yield functools.partial(self._agenda.wait, ended)
        # joblib takes them in a thread of its own, where an error would be lost.
        except Exception as error:  # noqa: BLE001
            self._first_error.stop_with(error)

    def _take(self, step: Step) -> None:
        is_told = False
        try:
            is_told = self._runner.take_further(step.trial, step.plan, step.until)
        # The controller raises it again, once the other threads have saved.
        except Exception as error:  # noqa: BLE001
            self._first_error.stop_with(error)
        finally:
            self._agenda.end(step, is_told)

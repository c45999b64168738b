"""Which trial is trained next, until the sweep is over."""

import contextlib
import threading
from collections.abc import Iterator

import joblib
import optuna

from sweep.running.first_error import FirstError
from sweep.running.opening import OpenSweep
from sweep.running.trial_runner import TrainingPlan, TrialRunner

LOOK_S = 1.0


class TrainingLoop:
    """Trains the trials of a sweep, several at once: the interrupted ones first, then new ones.

    Args:
        sweep: open.
        first_error: is given the error that ends the sweep.
    """

    def __init__(self, sweep: OpenSweep, first_error: FirstError) -> None:
        self._sweep, self._first_error = sweep, first_error
        self._place, self._limits = sweep.place, sweep.limits
        self._progress, self._stop = sweep.context.progress, sweep.context.stop
        self._interrupted = list(sweep.interrupted)

    def run(self) -> None:
        """Train what there is to train, and say what ends the sweep before its last trial."""
        if self._sweep.may_train() if self._interrupted else self._may_begin():
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
        runner = TrialRunner(self._sweep)
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
            # The iterator ends where patience does; the last ends may be better and extend it.
            while self._interrupted or self._may_begin():
                for _ in slots(
                    joblib.delayed(self._bring_to_its_end)(runner, *planned)
                    for planned in self._planned_trials(runner)
                ):
                    pass
        if not self._first_error.has_come():
            runner.check_none_is_left()

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

    def _planned_trials(self, runner: TrialRunner) -> Iterator[tuple[optuna.Trial, TrainingPlan]]:
        """Yield each trial once its parameters are suggested, since the next depend on them."""
        try:
            for trial in self._next_trials():
                plan = runner.plan(trial)
                if plan:
                    yield trial, plan
        # joblib takes the trials in a thread of its own, where an error would be lost.
        except Exception as error:  # noqa: BLE001
            self._first_error.stop_with(error)

    def _next_trials(self) -> Iterator[optuna.Trial]:
        interrupted, self._interrupted = self._interrupted, []
        for trial in interrupted:
            if not self._sweep.may_train():
                return
            yield trial
        while self._may_begin():
            self._sweep.fence()
            yield self._sweep.study.ask()

    def _may_begin(self) -> bool:
        return (
            not self._stop.is_set()
            and self._limits.next_trial().may_begin
            and self._sweep.may_train()
        )

    def _bring_to_its_end(
        self, runner: TrialRunner, trial: optuna.Trial, plan: TrainingPlan
    ) -> None:
        try:
            runner.bring_to_its_end(trial, plan)
        # The controller raises it again, once the other threads have saved.
        except Exception as error:  # noqa: BLE001
            self._first_error.stop_with(error)

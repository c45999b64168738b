"""What is to be done next, whenever a worker is free."""

import threading
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import optuna

from sweep.running.opening import OpenSweep
from sweep.running.trial_runner import TrainingPlan, TrialRunner
from sweep.search.scheduler import Stage

LOOK_S = 1.0


@dataclass(frozen=True)
class Step:
    """A trial, and what it is to train; ``until`` is the epoch before which that is paused."""

    trial: optuna.Trial
    plan: TrainingPlan
    until: int | None = None

    @property
    def name(self) -> str:
        """The id of the experience that decides about the trial."""
        return self.plan.id_experience


class Agenda:
    """Says what comes next: what was interrupted, what is taken further, or a new trial.

    With one worker, this is a function of what the folders hold. One thread at a time calls
    ``next``, and any thread the other methods.

    Args:
        sweep: open.
        runner: plans the trials.
        wanted: the ids of experiences to train to their last epochs, whatever the scheduler says.
    """

    def __init__(self, sweep: OpenSweep, runner: TrialRunner, wanted: Collection[str]) -> None:
        self._sweep, self._runner = sweep, runner
        self._limits, self._standings = sweep.limits, sweep.standings
        self._promotions, self._wanted = sweep.promotions, set(wanted)
        self._interrupted = list(sweep.interrupted)
        self._changed = threading.Condition()
        # By the id of the experience: the trials that wait, and how many workers are at it.
        self._waiting: dict[str, list[optuna.Trial]] = defaultdict(list)
        self._at_work: Counter[str] = Counter()
        self._to_finish: set[str] = set()
        self._left: set[str] = set()  # what could not be trained further in this run
        self.ended = 0  # so many steps
        self._plans: dict[int, TrainingPlan] = {}  # by number, of the trials of this run
        for trial in sweep.paused:
            self._waiting[sweep.trial_records[trial.number].experience.id].append(trial)

    def is_empty(self) -> bool:
        """Tell whether there is nothing to do, before anything has begun."""
        return not self._sweep.may_train() or not (
            self._interrupted
            or self._limits.next_trial().may_begin
            or self._first_free(self._wanted)
            or self._promotions.next()
            or self._promotions.to_finish()
        )

    def next(self) -> Step | None:
        """Return the next step; None where there is none until another one ends.

        Raises:
            SweepError: something is wrong that no other trial would mend.
        """
        while self._sweep.may_train():
            if self._interrupted:
                step = self._resume(self._interrupted.pop(0))
            else:
                step = self._end_of_equal() or self._take_further()
                if not step and self._limits.next_trial().may_begin:
                    step = self._propose()
                elif not step:
                    step = self._finish()
                    if not step:
                        return None
            if step:  # else ``suggest`` has raised
                self._begin(step)
                return step
        return None

    def end(self, step: Step, is_told: bool) -> None:
        """Note that a step has been done.

        Args:
            step: of ``next``.
            is_told: whether its trial has ended; else it waits for what comes.
        """
        standing = self._standings.of(step.name)
        with self._changed:
            if not is_told:
                self._waiting[step.name].append(step.trial)
                self._plans[step.trial.number] = step.plan
                if not (standing and standing.is_beyond(step.until)):
                    self._left.add(step.name)
            self._at_work[step.name] -= 1
            self.ended += 1
            self._changed.notify_all()

    def is_over(self, ended: int) -> bool:
        """Tell whether no step is under way, and none has ended since there were so many."""
        with self._changed:
            return self.ended == ended and not self._is_busy()

    def wait(self, ended: int) -> None:
        """Return once more steps have ended than these, or all is to stop."""
        with self._changed:
            while self.ended == ended and self._is_busy() and self._sweep.may_train():
                self._changed.wait(LOOK_S)

    def _is_busy(self) -> bool:
        return self._at_work.total() > 0

    def _resume(self, trial: optuna.Trial) -> Step | None:
        plan = self._runner.plan(trial)
        if not plan:
            return None
        if plan.id_experience in self._wanted:
            return Step(trial, plan)
        trial_record = self._sweep.trial_records.get(trial.number)
        if not trial_record or not (trial_record.record.sessions or trial_record.record.parent):
            return self._first(trial, plan)
        sessions = trial_record.record.sessions  # an extension has none before it is trained
        return Step(trial, plan, sessions[-1].until if sessions else None)

    def _end_of_equal(self) -> Step | None:
        """Return the step of a trial that waits for nothing: an equal one came to its end."""
        for name in self._free():
            standing = self._standings.of(name)
            if standing and standing.stage in (Stage.OVER, Stage.FAILED):
                return self._pop(name, None)
        return None

    def _take_further(self) -> Step | None:
        """Return the step of a trial that is paused."""
        wanted = self._first_free(self._wanted)
        if wanted:
            return self._pop(wanted, None)
        further = self._promotions.next()
        if further and further.id_experience in self._free():
            return self._pop(further.id_experience, further.until)
        return None

    def _first_free(self, names: set[str]) -> str | None:
        return next(iter(self._promotions.in_order(names & self._free())), None)

    def _finish(self) -> Step | None:
        """Return the step of one of the best, once nothing else is to be done."""
        with self._changed:
            is_busy = self._is_busy()
        if not is_busy:  # else they may be others by then
            self._to_finish = set(self._promotions.to_finish())
        first = self._first_free(self._to_finish)
        return self._pop(first, None) if first else None

    def _propose(self) -> Step | None:
        self._sweep.fence()
        trial = self._sweep.study.ask()
        plan = self._runner.plan(trial)
        return self._first(trial, plan) if plan else None

    def _first(self, trial: optuna.Trial, plan: TrainingPlan) -> Step:
        until = self._promotions.first_until(plan.id_experience, trial.number, plan.epochs)
        return Step(trial, plan, until)

    def _free(self) -> set[str]:
        """Return the experiences for which trials wait, and at which nobody is."""
        with self._changed:
            names = {name for name, trials in self._waiting.items() if trials}
            return {name for name in names - self._left if not self._at_work[name]}

    def _pop(self, name: str, until: int | None) -> Step | None:
        """Take the first trial that waits for an experience."""
        with self._changed:
            first = min(self._waiting[name], key=lambda trial: trial.number)
            self._waiting[name].remove(first)
        plan = self._plans.get(first.number) or self._runner.plan(first)
        return Step(first, plan, until) if plan else None

    def _begin(self, step: Step) -> None:
        standing = self._standings.of(step.name)
        is_beyond = standing is not None and standing.is_beyond(step.until)
        with self._changed:
            is_at_work = self._at_work[step.name] > 0  # for an equal trial
            self._at_work[step.name] += 1
        if not is_beyond and not is_at_work:
            self._standings.begin(step.name, step.trial.number, step.plan.epochs, step.until)

"""The study of a sweep without lock and retry, which ``study.py`` adds."""

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.experience.record import Outcome, State
from sweep.search import optuna_adapter
from sweep.search.optuna_adapter import ENQUEUED_VALUES
from sweep.search.proposal_queue import ProposalQueue
from sweep.search.storage import open_storage, opening
from sweep.search.study_factory import StudyFactory
from sweep.search.trial_conversion import (
    TRIAL_STATES,
    constraints_of,
    values_by_epoch,
    values_of,
)


class DirectStudy:
    """Optuna's study and the proposals that wait for its trials.

    A method that raises may have done a part of its work; called again, it does the rest.
    ``sweep.search.study.Study`` lets one thread at a time call a method, and repeats the call where
    a server was away.

    Args:
        factory: opens the study.
        where: an URL that Optuna takes, the path of a journal file, or None for a study in memory.

    Raises:
        StudyUnreadable: the journal is damaged, or of another version.
        SweepError: the storage cannot be opened.
    """

    def __init__(self, factory: StudyFactory, where: str | Path | None) -> None:
        self.factory, self.where = factory, where
        self.queue = ProposalQueue()
        self.numbers_given: set[int] = set()
        with opening(where):
            self.optuna_study = factory.open(open_storage(where))
            self.take_stock()

    def replace(self, optuna_study: optuna.Study) -> None:
        """Go on with another study of Optuna's."""
        self.optuna_study = optuna_study

    def delete(self) -> None:
        """Delete the study from its storage."""
        with contextlib.suppress(KeyError):  # an earlier try deleted it, and the answer was lost
            self.factory.delete(optuna_adapter.storage_of(self.optuna_study))

    def create(self, user_attributes: Mapping[str, Any]) -> None:
        """Create the study without a trial in the storage where it was deleted."""
        self.replace(self.factory.open(optuna_adapter.storage_of(self.optuna_study)))
        for name, value in user_attributes.items():
            self.optuna_study.set_user_attr(name, value)
        self.take_stock()

    def has_other_objectives(self) -> bool:
        """Tell whether the storage already held a study with other objectives."""
        return self.optuna_study.directions != self.factory.directions

    def take_stock(self) -> None:
        """Note which trials exist, which counts as given out, and which proposals wait for one."""
        trials = self.trials()
        self.numbers_given = {trial.number for trial in trials}
        self.queue.note_given(trial.system_attrs.get(ENQUEUED_VALUES) for trial in trials)

    def trials(self) -> list[FrozenTrial]:
        """Return all trials by number; they are Optuna's own objects, not to be changed."""
        return self.optuna_study.get_trials(deepcopy=False)

    def running_trials(self) -> list[FrozenTrial]:
        """Return the trials that have not ended, by number."""
        return [trial for trial in self.trials() if trial.state is TrialState.RUNNING]

    def attach(self, trial: FrozenTrial) -> optuna.Trial:
        """Return a running trial in the form that can be suggested to and reported."""
        return optuna_adapter.attach(self.optuna_study, trial)

    def ask(self) -> optuna.Trial:
        """Return a new trial, which gets the first proposal that waits, if any.

        Optuna's own queue would first turn the proposal into a waiting trial. That counts as a
        trial, and a cut would leave it behind.
        """
        proposal = self.queue.first()
        if proposal is None:
            return self.optuna_study.ask()
        attributes = {ENQUEUED_VALUES: proposal}
        self.optuna_study.add_trial(
            optuna.trial.create_trial(state=TrialState.RUNNING, system_attrs=attributes)
        )
        optuna_adapter.forget_cached_trials(self.optuna_study)
        trial = self.attach(self.trials()[-1])
        self.queue.remove(proposal)
        return trial

    def find_lost_trial(self) -> optuna.Trial | None:
        """Return the trial that an earlier ``ask`` made before its answer was lost; or None."""
        running = self.running_trials()
        lost = next((trial for trial in running if trial.number not in self.numbers_given), None)
        if not lost:
            return None
        self.queue.remove(lost.system_attrs.get(ENQUEUED_VALUES))
        return self.attach(lost)

    def report(self, trial: optuna.Trial, epoch: int, value: float, is_judged: bool) -> str | None:
        """Report one epoch, and return why the pruner ends the trial here, if it does."""
        # Optuna takes no values of epochs where there are several objectives, and for a pruner, an
        # epoch that has no value would be the worst.
        if len(self.factory.options.objectives) > 1 or math.isnan(value):
            return None
        # The trial itself knows what was reported; asking a database takes longer than the report.
        if epoch not in optuna_adapter.reported_values(trial):
            trial.report(value, epoch)
        if not (self.factory.prunes and is_judged):
            return None
        return self.factory.pruner.should_prune(self.optuna_study, trial, epoch)

    def show_paused(self, number: int, values: Mapping[int, float]) -> None:
        """Show the sampler a trial that is paused: as if it had been pruned there.

        The storage keeps it running, for Optuna changes no trial that has ended.

        Args:
            number: of the trial.
            values: the best value so far, by epoch.
        """
        self.factory.sampler.show_paused(number, values)

    def tell(
        self,
        trial: optuna.Trial,
        outcome: Outcome,
        curve: list[float],
        notes: Mapping[str, Any],
    ) -> None:
        """Tell the end of a trial, see ``Study.tell``."""
        frozen = optuna_adapter.read_trial(trial)
        if frozen.state.is_finished():  # an earlier try told it, and the answer was lost
            return
        objectives = self.factory.options.objectives
        for epoch, value in values_by_epoch(curve, objectives).items():
            if epoch not in frozen.intermediate_values:
                trial.report(value, epoch)
        for name, note in notes.items():
            trial.set_user_attr(name, note)
        for name, constraint in constraints_of(outcome).items():
            if name not in frozen.constraints:  # else an earlier try set it
                trial.set_constraint(name, constraint)
        values = values_of(outcome, objectives) if outcome.state is State.FINISHED else None
        self.optuna_study.tell(trial.number, values, state=TRIAL_STATES[outcome.state])

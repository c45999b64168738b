"""The study of a sweep, as the controller uses it: ask, suggest, report, tell."""

import contextlib
import functools
import itertools
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.trial import FrozenTrial

from sweep.errors import SweepError
from sweep.experience.entries import TrialEntry
from sweep.experience.record import Outcome
from sweep.experience.trials import TrialRecord
from sweep.search import optuna_adapter, study_check, study_rebuild, trial_statistics
from sweep.search.any_choices import allow_any_choices
from sweep.search.direct_study import DirectStudy
from sweep.search.enqueued import Proposal
from sweep.search.storage import is_of_storage
from sweep.search.storage_access import StorageAccess
from sweep.search.study_factory import StudyFactory, StudyOptions
from sweep.search.trial_conversion import entry_of
from sweep.wording import without_password

P = ParamSpec("P")
T = TypeVar("T")


def serialized(
    method: Callable[Concatenate["Study", P], T],
) -> Callable[Concatenate["Study", P], T]:
    """Let one thread at a time run a method, and run it again where a server was away meanwhile."""

    @functools.wraps(method)
    def call(self: "Study", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._access.call(functools.partial(method, self, *args, **kwargs))

    return call


class Study:
    """The study of a sweep. Any thread may call its methods; one at a time does its work.

    Each method waits while the server of the storage is away. It raises StoppedWaiting where
    ``stop`` ends the waiting, and SweepError where the storage is out of reach.

    Args:
        name: the search space's name.
        where: an URL that Optuna takes, the path of a journal file, or None for a study in memory.
        options: how it proposes and prunes.
        say: is told that the server is away, and that it is back.
        stop: once set, nothing waits for the server any more.

    Raises:
        StudyUnreadable: the journal is damaged, or of another version.
        Misuse: the sampler or the pruner does not take these options, or lacks a package.
        SweepError: the storage cannot be opened.
    """

    def __init__(
        self,
        name: str,
        where: str | Path | None,
        options: StudyOptions,
        say: Callable[[str], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        factory = StudyFactory(name, options)
        self._where, self._options = where, options
        self._access = StorageAccess(where, say, stop or threading.Event())
        self._direct = DirectStudy(factory, where)

    @property
    def optuna_study(self) -> optuna.Study:
        """Optuna's own study, to be shown; while trials are proposed, nobody else may use it."""
        return self._direct.optuna_study

    # Opening: the study must belong to this root and agree with its folders.

    @serialized
    def keep_to(self, root: Path) -> None:
        """Let this root alone use the study: another root would take its trials for its own.

        Raises:
            SweepError: it belongs to another root.
        """
        study = self.optuna_study
        owner = study.user_attrs.get("root", str(root))
        if owner != str(root):
            place = f"{study.study_name} in {without_password(self._where)}"
            raise SweepError(
                f"The study {place} belongs to {owner}: name that --root, or a database of its own "
                "for this one."
            )
        if "root" not in study.user_attrs:
            study.set_user_attr("root", owner)

    @serialized
    def difference(self, records: Mapping[int, TrialRecord]) -> str | None:
        """Return in words the first difference from the folders; None without one."""
        if self._direct.has_other_objectives():
            return "was made for other objectives"
        return study_check.difference(self._direct.trials(), records)

    def empty(self) -> None:
        """Delete all trials."""
        study_rebuild.empty(self._direct, self._access)

    @serialized
    def rebuild(
        self,
        records: Mapping[int, TrialRecord],
        propose: Callable[[optuna.Trial], object],
        done: Callable[[], None],
    ) -> None:
        """Make the study again from what the folders know, in the order of the numbers.

        A journal is replaced at once and whole.

        Args:
            records: the trials that have a folder, by number.
            propose: is given each trial below the highest number that has no folder, at its place
                in the order: its proposal depends only on the trials before it, as it did at first.
            done: is called after each trial; where the server was away, again from the first on.

        Raises:
            RecordWrong: a folder's trial is none of Optuna's.
        """
        study_rebuild.rebuild(self._direct, self._access, records, propose, done)

    @serialized
    def enqueue(self, proposals: list[Proposal]) -> None:
        """Propose these first, in their order, but for those that a trial was given already."""
        self._direct.queue.fill(proposals)
        self._direct.take_stock()

    def waiting_proposals(self) -> list[Proposal]:
        """Return the enqueued proposals that no trial was given yet."""
        return self._direct.queue.waiting()

    # One trial, from its proposal to its end.

    def ask(self) -> optuna.Trial:
        """Return a new trial; where one was made and the answer was lost on its way, that one."""
        tries = itertools.count()

        def ask_again() -> optuna.Trial:
            lost = self._direct.find_lost_trial() if next(tries) else None
            return lost or self._direct.ask()

        trial = self._access.call(ask_again)
        self._direct.numbers_given.add(trial.number)
        return trial

    @serialized
    def interrupted_trials(self) -> list[optuna.Trial]:
        """Return the trials that were left running, by number, attached again."""
        return [self._direct.attach(trial) for trial in self._direct.running_trials()]

    def suggest(
        self, trial: optuna.Trial, suggest: Callable[[optuna.Trial], dict[str, Any]]
    ) -> dict[str, Any]:
        """Return what the search space suggests for the trial; no other trial is asked meanwhile.

        Raises:
            Exception: whatever the search space raises.
        """
        suggested, raised = self._suggest(trial, suggest)
        if raised:
            raise raised
        # It may be anything else than a dict, which the search space's own check refuses.
        returned: dict[str, Any] = suggested
        return returned

    @serialized
    def _suggest(
        self, trial: optuna.Trial, suggest: Callable[[optuna.Trial], Any]
    ) -> tuple[Any, Exception | None]:
        """Return what the search space suggests, or raises, which is no error of the storage."""
        allow_any_choices(trial)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
                return suggest(trial), None
        except Exception as error:
            if is_of_storage(error):
                raise
            return None, error

    @serialized
    def set_attribute(self, trial: optuna.Trial, name: str, value: Any) -> None:
        """Note something that the dashboard shows beside the trial."""
        trial.set_user_attr(name, value)

    @serialized
    def entry(self, trial: optuna.Trial) -> TrialEntry:
        """Return what ``experience.json`` keeps of a trial."""
        return entry_of(optuna_adapter.read_trial(trial))

    def report(
        self, trial: optuna.Trial, epoch: int, value: float, is_judged: bool = True
    ) -> str | None:
        """Report one epoch, and return why the pruner ends the trial here, if it does.

        Asked again, it answers the same. Without a pruner, no training waits for a server that is
        away: the end of the trial tells each epoch again.

        Args:
            trial: one that is running.
            epoch: from 0.
            value: the monitored value of the epoch.
            is_judged: ask the pruner, if there is one.
        """
        report = functools.partial(self._direct.report, trial, epoch, value, is_judged)
        if self._direct.factory.prunes and is_judged:
            return self._access.call(report)
        return self._access.call_unless_away(report)

    @serialized
    def catch_up(self, trial: optuna.Trial, curve: list[float]) -> None:
        """Report the epochs that only the folder knows: the pruner must see the whole curve."""
        for epoch, value in enumerate(curve):
            self._direct.report(trial, epoch, value, is_judged=False)

    @serialized
    def show_paused(self, number: int, values: Mapping[int, float]) -> None:
        """Show the sampler a trial that is paused, see ``DirectStudy.show_paused``."""
        self._direct.show_paused(number, values)

    @serialized
    def tell(
        self,
        trial: optuna.Trial,
        outcome: Outcome,
        curve: list[float],
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell the end of a trial: its value, its state, and each epoch that was not yet reported.

        Args:
            trial: one that is running.
            outcome: its state, its values, the reason.
            curve: the monitored value by epoch, as in ``log.csv``.
            notes: attributes, see ``sweep.search.trial_conversion.notes_of``.
        """
        self._direct.tell(trial, outcome, curve, notes or {})

    # All trials together.

    @serialized
    def trials(self) -> list[FrozenTrial]:
        """Return all trials by number; they are Optuna's own objects, not to be changed."""
        return self._direct.trials()

    def count(self) -> int:
        """Return how many trials there are, in any state."""
        return len(self._direct.numbers_given)

    @serialized
    def count_states(self) -> dict[str, int]:
        """Return how many trials are finished, pruned and failed."""
        return trial_statistics.count_states(self._direct.trials())

    @serialized
    def has_reached(self, target: float, paused: Mapping[int, float] | None = None) -> bool:
        """Tell whether a trial is as good as ``target``, see ``trial_statistics.has_reached``."""
        objective, trials = self._options.objectives[0], self._direct.trials()
        return trial_statistics.has_reached(trials, objective, target, paused or {})

    @serialized
    def count_since_best(self, paused: Mapping[int, float] | None = None) -> int:
        """Return how many trials are no better, see ``trial_statistics.count_since_best``."""
        objectives, trials = self._options.objectives, self._direct.trials()
        return trial_statistics.count_since_best(trials, objectives, paused or {})

    @serialized
    def count_if_exhausted(self) -> int | None:
        """Return how many combinations there are, once a sampler that takes each once tried all.

        Before that, and for any other sampler, return None.
        """
        return self._direct.factory.sampler.count_if_exhausted(self.optuna_study)

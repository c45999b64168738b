"""One voice that speaks to Optuna: propose, report, tell, and find again what was cut off."""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.frozen import TRIAL_STATES, difference, entry_of, frozen_of, notes_of
from sweep.known import Known
from sweep.pruner import PRUNERS, should_prune
from sweep.record import Outcome
from sweep.sampler import PICKLES, SeededSampler, propose_again
from sweep.storage import Draft, StudyUnreadable, open_journal, shown


class Study:
    """The study of a sweep. Its methods may be called from any thread; one at a time does its work.

    Each of them raises SweepError where the storage is out of reach.

    Args:
        name: the search space's name.
        storage: an URL that Optuna takes, the path of a journal file, or None for a study that is only in memory.
        sampler, seed: see ``sweep.sampler.SeededSampler``.
        pruner: a name of ``PRUNERS``.

    Raises:
        StudyUnreadable: the journal is damaged, or of another version.
        SweepError: the storage cannot be opened, or the sampler needs a package that is missing.
    """

    def __init__(self, name: str, storage: str | Path | None, sampler: str, seed: int, pruner: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._lock = threading.RLock()
        self._storage, self._prunes, self._is_replayed = storage, pruner != "none", sampler in PICKLES
        self._knows_the_end = sampler == "brute_force"
        self._create = functools.partial(
            optuna.create_study,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=SeededSampler(sampler, seed),
            pruner=PRUNERS[pruner](),
        )
        try:
            self._study = self._create(storage=open_journal(storage) if isinstance(storage, Path) else storage)
            self.is_exhausted = self._has_been_everywhere()
        except Exception as error:  # a file or an URL of the user's, which may hold anything
            out_of_reach = self._out_of_reach(error)
            if isinstance(storage, Path) and not isinstance(error, OSError):
                raise StudyUnreadable(str(out_of_reach)) from error
            raise out_of_reach from error

    def begin_anew(self) -> None:
        """Forget all trials."""
        if self.count():
            with self._speaking():
                storage, user_attrs = self._study._storage, self._study.user_attrs  # noqa: SLF001
                optuna.delete_study(study_name=self._study.study_name, storage=storage)
                self._study = self._create(storage=storage)
                for name, value in user_attrs.items():
                    self._study.set_user_attr(name, value)
            self.is_exhausted = False

    def difference(self, known: Mapping[int, Known]) -> str | None:
        """Return in what the study does not agree with the folders, in words; None where it does."""
        with self._speaking():
            return difference(self._trials(), known)

    def lost(self, known: Mapping[int, Known]) -> dict[int, str]:
        """Return the trials that were trained, by number, with the id of the experience that has no folder any more."""
        with self._speaking():
            trials = [one for one in self._trials() if one.number not in known and one.state is not TrialState.FAIL]
        trained = [one for one in trials if one.state.is_finished() or one.intermediate_values]
        return {one.number: str(one.user_attrs["id_experience"]) for one in trained if "id_experience" in one.user_attrs}

    def rebuild(
        self, known: Mapping[int, Known], propose: Callable[[optuna.Trial], object], done: Callable[[], None]
    ) -> None:
        """Make the study again from what the folders know, in the order of the numbers.

        A journal is replaced at once and whole.

        Args:
            known: the trials that have a folder, by number.
            propose: is given each trial below the highest number that has none, at its place in the order: what it is
                proposed depends on the trials before it only, as it did the first time.
            done: is called after each trial.

        Raises:
            RecordWrong: a folder's trial is none of Optuna's.
        """
        with self._speaking():
            draft = Draft() if isinstance(self._storage, Path) else None
            if draft:
                self._study = self._create(storage=optuna.storages.JournalStorage(draft))
            else:
                self.begin_anew()
            shadow = self._create(storage=None) if self._is_replayed else None
            for number in range(max(known, default=-1) + 1):
                frozen = frozen_of(known[number]) if number in known else None
                again = propose_again(shadow, frozen) if shadow else {}
                if frozen:
                    frozen.system_attrs.update(again)
                    self._add(frozen, known[number])
                else:
                    propose(self._study.ask())
                done()
            if draft and isinstance(self._storage, Path):
                draft.write(self._storage)
                self._study = self._create(storage=open_journal(self._storage))
            self.is_exhausted = self._has_been_everywhere()

    def _add(self, frozen: FrozenTrial, known: Known) -> None:
        """Add one trial; one that is cut off is asked about its epochs again, for some pruners note what they answered."""
        self._study.add_trial(frozen)
        if frozen.state is TrialState.RUNNING:
            trial_id = self._trials()[-1]._trial_id  # noqa: SLF001
            for epoch, value in enumerate(known.val_acc()):
                self.report(optuna.Trial(self._study, trial_id), epoch, value)

    def keep_to(self, root: Path) -> None:
        """Let this root alone use the study: another one in the same storage would take its trials for its own.

        Raises:
            SweepError: it belongs to another root.
        """
        with self._speaking():
            owner = self._study.user_attrs.get("root", str(root))
            if owner != str(root):
                raise SweepError(
                    f"The study {self._study.study_name} in {shown(self._storage)} belongs to {owner}: name that --root, "
                    "or a database of its own for this one."
                )
            if "root" not in self._study.user_attrs:
                self._study.set_user_attr("root", owner)

    def check_distributions(self, suggested: dict[str, BaseDistribution]) -> None:
        """Refuse what one study of Optuna cannot hold beside the trials that there are.

        Raises:
            SweepError: a parameter has other choices, or is of another kind, than before.
        """
        with self._speaking():
            known = {name: old for trial in self._trials() for name, old in trial.distributions.items()}
        for name, distribution in suggested.items():
            try:
                check_distribution_compatibility(known.get(name, distribution), distribution)
            except ValueError as error:
                raise SweepError(
                    f"suggest gives {name!r} other choices, or another kind, than the trials of this sweep have, and Optuna "
                    "cannot hold both in one study: undo that, or take another --root."
                ) from error

    def count(self) -> int:
        """Return how many trials there are, in any state."""
        with self._speaking():
            return len(self._trials())

    def count_states(self) -> dict[str, int]:
        """Return how many trials are done (a value is known, pruned ones too) and how many failed."""
        with self._speaking():
            states = [trial.state for trial in self._trials()]
        return {
            "done": states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED),
            "failed": states.count(TrialState.FAIL),
        }

    def best(self) -> float:
        """Return the best value that is known, minus infinity before the first."""
        with self._speaking():
            values = [trial.value for trial in self._trials() if trial.state is TrialState.COMPLETE]
        return max((value for value in values if value is not None), default=float("-inf"))

    def cut_off(self) -> list[optuna.Trial]:
        """Return the trials that were left running, by number, attached again."""
        with self._speaking():
            running = (trial for trial in self._trials() if trial.state is TrialState.RUNNING)
            # No public way leads back to a running trial; ``ask`` itself makes one like this. A test holds on to it.
            return [optuna.Trial(self._study, trial._trial_id) for trial in running]  # noqa: SLF001

    def ask(self) -> optuna.Trial:
        """Return a new trial."""
        with self._speaking():
            return self._study.ask()

    def suggest(self, trial: optuna.Trial, suggest: Callable[[optuna.Trial], dict[str, Any]]) -> dict[str, Any]:
        """Return what the search space suggests for the trial, while no other trial is asked or told."""
        with self._speaking(), contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            return suggest(trial)

    def set_attribute(self, trial: optuna.Trial, name: str, value: Any) -> None:
        """Note what the dashboard shows beside the trial."""
        with self._speaking():
            trial.set_user_attr(name, value)

    def entry(self, trial: optuna.Trial) -> dict[str, Any]:
        """Return what ``experience.json`` keeps of a trial."""
        with self._speaking():
            return entry_of(self._frozen(trial))

    def report(self, trial: optuna.Trial, epoch: int, val_acc: float) -> bool:
        """Report one epoch, and return whether the pruner ends the trial here. Asked again, it says the same again."""
        with self._speaking():
            frozen = self._frozen(trial)
            if epoch not in frozen.intermediate_values:
                trial.report(val_acc, epoch)
            return self._prunes and should_prune(self._study, trial, self._frozen, epoch)

    def tell(self, trial: optuna.Trial, outcome: Outcome, val_acc: list[float]) -> None:
        """Tell the end of a trial: its value, its state, and each epoch that was not yet reported.

        Args:
            trial: one that is running.
            outcome: its state, the best val_acc, the reason.
            val_acc: by epoch, as in ``log.csv``.
        """
        with self._speaking():
            reported = self._frozen(trial).intermediate_values
            for epoch, value in enumerate(val_acc):
                if epoch not in reported:
                    trial.report(value, epoch)
            for name, note in notes_of(outcome).items():
                trial.set_user_attr(name, note)
            state = TRIAL_STATES[outcome.state]
            try:
                self._study.tell(trial.number, outcome.val_acc if state is TrialState.COMPLETE else None, state=state)
            except RuntimeError:
                if not self._frozen(trial).state.is_finished():
                    raise
                self.is_exhausted = True  # brute force has been everywhere, and says so after the state was stored

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        """One voice at a time, and one sentence for what goes wrong in the storage."""
        with self._lock:
            try:
                yield
            except (OSError, optuna.exceptions.StorageInternalError) as error:
                raise self._out_of_reach(error) from error

    def _out_of_reach(self, error: Exception) -> SweepError:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(self._storage, Path):
            mend = "mend the disk, or move that file away: the folders are the truth, and the same proposals come again"
        else:
            mend = "check that the server runs and that the URL of --storage is right"
        return SweepError(f"The study in {shown(self._storage)} is out of reach ({first_line}); {mend}.")

    def _has_been_everywhere(self) -> bool:
        """Ask brute force once more after the last trial: it remembers nothing, and says so by stopping the study."""
        if not self._knows_the_end:
            return False
        ended = [trial for trial in self._trials() if trial.state.is_finished()]
        try:
            for last in ended[-1:]:
                self._study.sampler.after_trial(self._study, last, last.state, last.values)
        except RuntimeError:
            return True
        return False

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)  # noqa: SLF001 # ``get_trials`` would copy them all

"""One voice that speaks to Optuna: propose, report, tell, and find again what was cut off."""

import contextlib
import copy
import functools
import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, check_distribution_compatibility, distribution_to_json
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.experience import Outcome, State
from sweep.journal import open_journal
from sweep.sampler import SeededSampler

PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
}
TRIAL_STATES = {
    State.FINISHED: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}


class Study:
    """The study of a sweep. Its methods may be called from any thread; one at a time does its work.

    Each of them raises SweepError where the storage is out of reach.

    Args:
        name: the search space's name.
        storage: an URL that Optuna takes, the path of a journal file, or None for a study that is only in memory.
        sampler, seed: see ``sweep.sampler.SeededSampler``.
        pruner: a name of ``PRUNERS``.

    Raises:
        SweepError: the storage cannot be opened, or the sampler needs a package that is missing.
    """

    def __init__(self, name: str, storage: str | Path | None, sampler: str, seed: int, pruner: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._lock = threading.RLock()
        self._storage, self._prunes = storage, pruner != "none"
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
        except Exception as error:  # a file or an URL of the user's, which may hold anything
            raise self._out_of_reach(error) from error
        self.is_exhausted = sampler == "brute_force" and self._has_been_everywhere()

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

    def keep_to(self, root: Path) -> None:
        """Let this root alone use the study: another one in the same storage would take its trials for its own.

        Raises:
            SweepError: it belongs to another root.
        """
        with self._speaking():
            owner = self._study.user_attrs.get("root", str(root))
            if owner != str(root):
                raise SweepError(
                    f"The study {self._study.study_name} in {self._storage} belongs to {owner}: name that --root, "
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
        """Return what ``experience.json`` keeps of a trial: enough to make the trial again."""
        with self._speaking():
            frozen = self._frozen(trial)
        return {
            "number": frozen.number,
            "params": frozen.params,
            "distributions": {
                name: json.loads(distribution_to_json(distribution)) for name, distribution in frozen.distributions.items()
            },
            "begun": frozen.datetime_start.astimezone(UTC).isoformat() if frozen.datetime_start else None,
            "ended": None,
        }

    def report(self, trial: optuna.Trial, epoch: int, val_acc: float) -> bool:
        """Report one epoch, and return whether the pruner ends the trial here. Asked again, it says the same again."""
        with self._speaking():
            frozen = self._frozen(trial)
            if epoch not in frozen.intermediate_values:
                trial.report(val_acc, epoch)
            return self._prunes and self._should_prune(trial, epoch)

    def _should_prune(self, trial: optuna.Trial, epoch: int) -> bool:
        """Ask the pruner once for each epoch, also where a cut came between its answer and our note of it.

        Some pruners keep in ``system_attrs`` which rungs a trial has passed, and answer otherwise when asked again. So what
        stood there before is noted first, and a question that has no answer yet is asked from there.
        """
        frozen = copy.copy(self._frozen(trial))
        asked = frozen.user_attrs.get("pruner", {"epoch": -1})
        if epoch < asked["epoch"] or ("answer" in asked and epoch == asked["epoch"]):
            return bool(epoch == asked["epoch"] and asked["answer"])
        if epoch > asked["epoch"]:
            asked = {"epoch": epoch, "known": sorted(frozen.system_attrs)}
            trial.set_user_attr("pruner", asked)
        frozen.system_attrs = {name: frozen.system_attrs[name] for name in asked["known"]}
        answer = bool(self._study.pruner.prune(self._study, frozen))  # NumPy's bool, from some pruners
        trial.set_user_attr("pruner", {**asked, "answer": answer})
        return answer

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
            for name, note in {"reason": outcome.reason, "epoch": outcome.epoch}.items():
                if note is not None:
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
        return SweepError(f"The study in {self._storage} is out of reach ({first_line}); {mend}.")

    def _has_been_everywhere(self) -> bool:
        """Ask brute force once more after the last trial: it remembers nothing, and says so by stopping the study."""
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

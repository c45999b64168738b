"""One voice that speaks to Optuna: propose, report, tell, and find again what was cut off."""

import contextlib
import hashlib
import importlib
import json
import threading
import warnings
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import Misuse, SweepError
from sweep.experience import Outcome, State

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "nsgaii": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "brute_force": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
}
PACKAGES = {"cmaes": "cmaes", "gp": "torch"}  # what Optuna itself imports only when it comes to proposing
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


class SeededSampler(optuna.samplers.BaseSampler):
    """A sampler whose proposal is a function of (study seed, trial number, history), whatever was killed in between.

    It builds a new sampler for every trial: one that lives on would need its random state saved, one that starts anew with
    the same seed would repeat its first proposals.
    """

    def __init__(self, name: str, seed: int) -> None:
        """Raises Misuse where the sampler needs a package that is not installed."""
        self._build, self._seed = SAMPLERS[name], seed
        if name in PACKAGES:
            try:
                importlib.import_module(PACKAGES[name])
            except ImportError as error:
                raise Misuse(f"--sampler {name} needs {PACKAGES[name]}: pip install {PACKAGES[name]}") from error

    def of_trial(self, number: int, parameter: str = "") -> optuna.samplers.BaseSampler:
        """Return the sampler of one trial, or of one parameter of it that is drawn by itself."""
        digest = hashlib.sha256(f"{self._seed}/{number}/{parameter}".encode()).digest()
        with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
            return self._build(int.from_bytes(digest[:4]))

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.of_trial(trial.number).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self.of_trial(trial.number).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        sampler = self.of_trial(trial.number, param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.of_trial(trial.number).before_trial(study, trial)

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self.of_trial(trial.number).after_trial(study, trial, state, values)


class Study:
    """The study of a sweep. Its methods may be called from any thread; one at a time does its work.

    Args:
        name: the search space's name.
        storage: an URL that Optuna takes, or the path of a journal file.
        sampler, seed: see ``SeededSampler``.
        pruner: a name of ``PRUNERS``.

    Raises:
        SweepError: the storage cannot be opened, or the sampler needs a package that is missing.
    """

    def __init__(self, name: str, storage: str | Path, sampler: str, seed: int, pruner: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._lock = threading.RLock()
        self._prunes = pruner != "none"
        self.is_exhausted = False
        try:
            self._study = optuna.create_study(
                storage=_open_journal(storage) if isinstance(storage, Path) else storage,
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                sampler=SeededSampler(sampler, seed),
                pruner=PRUNERS[pruner](),
            )
        except SweepError:
            raise
        except Exception as error:
            if isinstance(storage, Path):
                mend = f"move {storage} away: the folders are the truth, and the same proposals come again"
            else:
                mend = "check that the server runs and that the URL of --storage is right"
            first_line = str(error).strip().partition("\n")[0]
            raise SweepError(f"The study in {storage} cannot be opened ({first_line}); {mend}.") from error

    def count(self) -> int:
        """Return how many trials there are, in any state."""
        with self._lock:
            return len(self._trials())

    def count_states(self) -> dict[str, int]:
        """Return how many trials are done (a value is known, pruned ones too) and how many failed."""
        with self._lock:
            states = [trial.state for trial in self._trials()]
        return {
            "done": states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED),
            "failed": states.count(TrialState.FAIL),
        }

    def best(self) -> float:
        """Return the best value that is known, minus infinity before the first."""
        with self._lock:
            values = [trial.value for trial in self._trials() if trial.state is TrialState.COMPLETE]
        return max((value for value in values if value is not None), default=float("-inf"))

    def cut_off(self) -> list[optuna.Trial]:
        """Return the trials that were left running, by number, attached again."""
        with self._lock:
            running = (trial for trial in self._trials() if trial.state is TrialState.RUNNING)
            # No public way leads back to a running trial; ``ask`` itself makes one like this. A test holds on to it.
            return [optuna.Trial(self._study, trial._trial_id) for trial in running]  # noqa: SLF001

    def ask(self) -> optuna.Trial:
        """Return a new trial."""
        with self._lock:
            return self._study.ask()

    def suggest(self, trial: optuna.Trial, suggest: Callable[[optuna.Trial], dict[str, Any]]) -> dict[str, Any]:
        """Return what the search space suggests for the trial, while no other trial is asked or told."""
        with self._lock:
            return suggest(trial)

    def entry(self, trial: optuna.Trial) -> dict[str, Any]:
        """Return what ``experience.json`` keeps of a trial: enough to make the trial again."""
        with self._lock:
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
        with self._lock:
            attributes = self._frozen(trial).user_attrs
            if epoch not in self._frozen(trial).intermediate_values:
                trial.report(val_acc, epoch)
            if not self._prunes or epoch <= attributes.get("pruner_asked_at", -1):
                return bool(attributes.get("pruned_at") == epoch)
            prune = bool(trial.should_prune())  # NumPy's, from some pruners
            if prune:
                trial.set_user_attr("pruned_at", epoch)
            trial.set_user_attr("pruner_asked_at", epoch)
            return prune

    def tell(self, trial: optuna.Trial, outcome: Outcome, val_acc: list[float], **attributes: Any) -> None:
        """Tell the end of a trial: its value, its state, and each epoch that was not yet reported.

        Args:
            trial: one that is running.
            outcome: its state, the best val_acc, the reason.
            val_acc: by epoch, as in ``log.csv``.
            attributes: what the dashboard shows beside; those that are None are left out.
        """
        with self._lock:
            reported = self._frozen(trial).intermediate_values
            for epoch, value in enumerate(val_acc):
                if epoch not in reported:
                    trial.report(value, epoch)
            for name, value in {**attributes, "reason": outcome.reason, "epoch": outcome.epoch}.items():
                if value is not None:
                    trial.set_user_attr(name, value)
            state = TRIAL_STATES[outcome.state]
            try:
                self._study.tell(trial.number, outcome.val_acc if state is TrialState.COMPLETE else None, state=state)
            except RuntimeError as error:
                if "Study.stop" not in str(error):
                    raise
                self.is_exhausted = True  # brute force has been everywhere, and says so after the state was stored

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self._study._storage.get_trial(trial._trial_id)  # noqa: SLF001 # ``get_trials`` would copy them all


def _open_journal(path: Path) -> optuna.storages.JournalStorage:
    """Open a journal file, after mending what a cut may have left: half a line, and the lock of a process that is dead.

    The root is locked, so nobody else has the file open.
    """
    path = path.absolute()  # Optuna's lock spins for ever on a relative path in a subfolder
    with contextlib.suppress(FileNotFoundError):
        Path(f"{path}.lock").unlink()
    if path.exists():
        _cut_torn_tail(path)
    lock = JournalFileOpenLock(str(path))
    return optuna.storages.JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def _cut_torn_tail(path: Path) -> None:
    """Cut the journal back to its last whole line: Optuna forgives a torn one, then glues the next to it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    while whole and not _is_json(content[content.rfind(b"\n", 0, whole - 1) + 1 : whole]):
        whole = content.rfind(b"\n", 0, whole - 1) + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True

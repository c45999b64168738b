"""The study of a sweep: propose, report, tell, and find again what was cut off."""

import contextlib
import functools
import itertools
import json
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import optuna
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.experience.entries import TrialEntry
from sweep.experience.record import Outcome, State
from sweep.experience.trials import TrialRecord
from sweep.search import optuna_adapter
from sweep.search.database import shown
from sweep.search.enqueued import Proposal, key_of
from sweep.search.optuna_adapter import ENQUEUED_VALUES
from sweep.search.pruners import Pruner
from sweep.search.samplers import PICKLES, SeededSampler, propose_again
from sweep.search.storage import (
    Draft,
    StudyUnreadable,
    is_of_storage,
    open_journal,
    open_storage,
    out_of_reach,
)
from sweep.search.storage_access import StorageAccess
from sweep.search.study_check import difference
from sweep.search.trial_conversion import (
    TRIAL_STATES,
    constraints_of,
    directions,
    entry_of,
    frozen_of,
    given_in,
    values_of,
)
from sweep.settings import PRUNERS, SAMPLERS, Choice
from sweep.space.objectives import DEFAULT, Objective, is_covered

P = ParamSpec("P")
T = TypeVar("T")


def _spoken(method: Callable[Concatenate["Study", P], T]) -> Callable[Concatenate["Study", P], T]:
    """Let the study's one voice do a method: it can be done again after any part of it."""

    @functools.wraps(method)
    def speak(self: "Study", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._voice.speak(functools.partial(method, self, *args, **kwargs))

    return speak


class Study:
    """The study of a sweep. Its methods may be called from any thread; one at a time does its work.

    Each of them waits where the server of the storage is away. It raises StoppedWaiting where ``stop`` ends that, and
    SweepError where the storage is out of reach.

    Args:
        name: the search space's name.
        storage: an URL that Optuna takes, the path of a journal file, or None for a study that is only in memory.
        sampler, seed: see ``sweep.search.samplers.SeededSampler``.
        pruner: see ``sweep.search.pruners.Pruner``.
        say: is told that the server is away, and that it is back.
        stop: once set, there is no more waiting for it.
        epochs: of a training, which some pruners reckon with.
        aims: what its values are; the first alone is what a pruner looks at.

    Raises:
        StudyUnreadable: the journal is damaged, or of another version.
        Misuse: the sampler or the pruner does not take these options, or needs a package that is missing.
        SweepError: the storage cannot be opened.
    """

    def __init__(
        self,
        name: str,
        storage: str | Path | None,
        sampler: str,
        seed: int,
        pruner: str,
        say: Callable[[str], None] = lambda _: None,
        stop: threading.Event | None = None,
        epochs: int = 1,
        aims: Sequence[Objective] = DEFAULT,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings(
            "ignore", "Choices for a categorical distribution should be"
        )  # see ``_let_choose_lists``
        self._voice = StorageAccess(storage, say, stop or threading.Event())
        self._aims = aims
        how, when = (
            Choice.read("sampler", sampler, SAMPLERS),
            Choice.read("pruner", pruner, PRUNERS),
        )
        self._storage, self._prunes, self._is_replayed = (
            storage,
            when.name != "none",
            how.name in PICKLES,
        )
        self._sampler, self._pruner = SeededSampler(how, seed), Pruner(when, epochs)
        self._enqueued: dict[str, Proposal] = {}
        self._waiting: dict[str, Proposal] = {}
        self._create = functools.partial(
            optuna.create_study,
            study_name=name,
            directions=directions(aims),
            load_if_exists=True,
            sampler=self._sampler,
            pruner=self._pruner.optunas,
        )
        try:
            self._study = self._create(storage=open_storage(storage))
            self._take_stock()
        except SweepError:
            raise
        except Exception as error:  # a file or an URL of the user's, which may hold anything
            sentence = out_of_reach(storage, error)
            if isinstance(storage, Path) and not isinstance(error, OSError):
                raise StudyUnreadable(str(sentence)) from error
            raise sentence from error

    def begin_anew(self) -> None:
        """Forget all trials."""
        if self._voice.speak(self._has_other_aims) or self._voice.speak(
            lambda: bool(self._trials())
        ):
            user_attrs = self._voice.speak(lambda: self._study.user_attrs)
            self._delete()
            self._make(user_attrs)

    @_spoken
    def _delete(self) -> None:
        with contextlib.suppress(KeyError):  # it is deleted already, and the answer was lost
            storage = optuna_adapter.storage_of(self._study)
            optuna.delete_study(study_name=self._study.study_name, storage=storage)

    @_spoken
    def _make(self, user_attrs: dict[str, Any]) -> None:
        self._study = self._create(storage=optuna_adapter.storage_of(self._study))
        for name, value in user_attrs.items():
            self._study.set_user_attr(name, value)
        self._take_stock()

    @_spoken
    def difference(self, known: Mapping[int, TrialRecord]) -> str | None:
        """Return in what the study does not agree with the folders, in words; None where it does."""
        if self._has_other_aims():
            return "was made for other aims"
        return difference(self._trials(), known)

    def _has_other_aims(self) -> bool:
        return self._study.directions != directions(self._aims)

    @_spoken
    def lost(self, known: Mapping[int, TrialRecord]) -> dict[int, str]:
        """Return the trials that were trained, by number, with the id of the experience that has no folder any more."""
        trials = [
            one
            for one in self._trials()
            if one.number not in known and one.state is not TrialState.FAIL
        ]
        trained = [one for one in trials if one.state.is_finished() or one.intermediate_values]
        return {
            one.number: str(one.user_attrs["id_experience"])
            for one in trained
            if "id_experience" in one.user_attrs
        }

    @_spoken
    def rebuild(
        self,
        known: Mapping[int, TrialRecord],
        propose: Callable[[optuna.Trial], object],
        done: Callable[[], None],
    ) -> None:
        """Make the study again from what the folders know, in the order of the numbers.

        A journal is replaced at once and whole.

        Args:
            known: the trials that have a folder, by number.
            propose: is given each trial below the highest number that has none, at its place in the order: what it is
                proposed depends on the trials before it only, as it did the first time.
            done: is called after each trial, and from the first one on again where the server was away.

        Raises:
            RecordWrong: a folder's trial is none of Optuna's.
        """
        draft = Draft() if isinstance(self._storage, Path) else None
        if draft:
            self._study = self._create(storage=optuna.storages.JournalStorage(draft))
        else:
            self.begin_anew()
        shadow = self._create(storage=None) if self._is_replayed else None
        self._note_waiting(given_in(one.entry) for one in known.values())
        for number in range(max(known, default=-1) + 1):
            frozen = frozen_of(known[number]) if number in known else None
            again = propose_again(shadow, frozen) if shadow else {}
            if frozen:
                frozen.system_attrs.update(again)
                self._add(frozen, known[number])
            else:
                propose(self._ask())
            done()
        if draft and isinstance(self._storage, Path):
            draft.write(self._storage)
            self._study = self._create(storage=open_journal(self._storage))
        self._take_stock()

    def _add(self, frozen: FrozenTrial, known: TrialRecord) -> None:
        """Add one trial; one that is cut off is asked about its epochs again, for some pruners note what they answered."""
        self._study.add_trial(frozen)
        if frozen.state is TrialState.RUNNING:
            trial = self._attach(self._trials()[-1])
            for epoch, value in enumerate(known.curve()):
                self._report(trial, epoch, value, not known.record.unpruned)

    def view(self) -> optuna.Study:
        """Return Optuna's own study, for who shows it; while trials are proposed, nobody else is to touch it."""
        return self._study

    @_spoken
    def keep_to(self, root: Path) -> None:
        """Let this root alone use the study: another one in the same storage would take its trials for its own.

        Raises:
            SweepError: it belongs to another root.
        """
        owner = self._study.user_attrs.get("root", str(root))
        if owner != str(root):
            raise SweepError(
                f"The study {self._study.study_name} in {shown(self._storage)} belongs to {owner}: name that --root, "
                "or a database of its own for this one."
            )
        if "root" not in self._study.user_attrs:
            self._study.set_user_attr("root", owner)

    @_spoken
    def check_distributions(self, suggested: dict[str, BaseDistribution]) -> None:
        """Refuse what one study of Optuna cannot hold beside the trials that there are.

        Raises:
            SweepError: a parameter has other choices, or is of another kind, than before.
        """
        known = {name: old for trial in self._trials() for name, old in trial.distributions.items()}
        for name, distribution in suggested.items():
            before = known.get(name, distribution)
            try:
                check_distribution_compatibility(before, distribution)
            except ValueError as error:
                choices, now = (list(getattr(one, "choices", ())) for one in (before, distribution))
                if choices and sorted(choices, key=repr) == sorted(now, key=repr):
                    raise SweepError(
                        f"suggest gives {name!r} its choices in another order than before, as a set does in each process: "
                        f"write the list {choices}."
                    ) from error
                raise SweepError(
                    f"suggest gives {name!r} other choices, or another kind, than the trials of this sweep have, and Optuna "
                    "cannot hold both in one study: undo that, or take another --root."
                ) from error

    def count(self) -> int:
        """Return how many trials there are, in any state."""
        return len(self._given)

    @_spoken
    def count_states(self) -> dict[str, int]:
        """Return how many trials are done (a value is known, pruned ones too) and how many failed."""
        states = [trial.state for trial in self._trials()]
        return {
            "done": states.count(TrialState.COMPLETE) + states.count(TrialState.PRUNED),
            "failed": states.count(TrialState.FAIL),
        }

    @_spoken
    def has_reached(self, target: float) -> bool:
        """Tell whether a trial that keeps the constraints is as good as ``target`` in the first of the aims."""
        there = (trial.values[0] for trial in self._trials() if self._counts(trial))
        return any(not self._aims[0].is_better(target, value) for value in there)

    def _counts(self, trial: FrozenTrial) -> bool:
        """Tell whether a trial is finished and keeps the constraints."""
        return trial.state is TrialState.COMPLETE and all(
            value <= 0 for value in trial.constraints.values()
        )

    @_spoken
    def since_best(self) -> int:
        """Return how many trials have ended, by number, after the last that was better than all before it; 0 before one is.

        Of several aims, better is what none before it is as good as in all of them.
        """
        best: list[list[float]] = []
        since = 0
        for trial in (trial for trial in self._trials() if trial.state.is_finished()):
            since += bool(best)
            if self._counts(trial):
                ranks = [
                    aim.rank(value) for aim, value in zip(self._aims, trial.values, strict=True)
                ]
                if not is_covered(ranks, best):
                    best = [*(other for other in best if not is_covered(other, [ranks])), ranks]
                    since = 0
        return since

    @_spoken
    def cut_off(self) -> list[optuna.Trial]:
        """Return the trials that were left running, by number, attached again."""
        return [
            self._attach(trial) for trial in self._trials() if trial.state is TrialState.RUNNING
        ]

    @_spoken
    def enqueue(self, proposals: list[Proposal]) -> None:
        """Let these be the first that are proposed, in their order, but for those that a trial was given already."""
        self._enqueued = {key_of(one): one for one in proposals}
        self._take_stock()

    def to_come(self) -> list[Proposal]:
        """Return what is enqueued and was given to no trial yet."""
        return list(self._waiting.values())

    def ask(self) -> optuna.Trial:
        """Return a new trial; where one was made and the answer was lost on its way, that one."""
        tries = itertools.count()
        trial = self._voice.speak(lambda: (next(tries) and self._lost_on_its_way()) or self._ask())
        self._given.add(trial.number)
        return trial

    def _ask(self) -> optuna.Trial:
        """Return a new trial, with the first proposal that is enqueued and was given to none.

        Optuna's own queue would make of it a trial that waits first: it counts, and a cut would leave it behind.
        """
        key = next(iter(self._waiting), None)
        if key is None:
            return self._study.ask()
        given = {ENQUEUED_VALUES: self._waiting[key]}
        self._study.add_trial(
            optuna.trial.create_trial(state=TrialState.RUNNING, system_attrs=given)
        )
        optuna_adapter.forget_cached_trials(self._study)
        trial = self._attach(self._trials()[-1])
        del self._waiting[key]
        return trial

    def _lost_on_its_way(self) -> optuna.Trial | None:
        running = (trial for trial in self._trials() if trial.state is TrialState.RUNNING)
        lost = next((trial for trial in running if trial.number not in self._given), None)
        if not lost:
            return None
        self._waiting.pop(key_of(lost.system_attrs.get(ENQUEUED_VALUES)), None)
        return self._attach(lost)

    def suggest(
        self, trial: optuna.Trial, suggest: Callable[[optuna.Trial], dict[str, Any]]
    ) -> dict[str, Any]:
        """Return what the search space suggests for the trial, while no other trial is asked or told.

        Raises:
            Exception: whatever the search space raises.
        """
        suggested, raised = self._suggest(trial, suggest)
        if raised:
            raise raised
        returned: dict[str, Any] = (
            suggested  # or anything else, which the search space's own check refuses
        )
        return returned

    @_spoken
    def _suggest(
        self, trial: optuna.Trial, suggest: Callable[[optuna.Trial], Any]
    ) -> tuple[Any, Exception | None]:
        """Return what the search space suggests, or raises, which is no error of the storage."""
        _let_choose_lists(trial)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
                return suggest(trial), None
        except Exception as error:
            if is_of_storage(error):
                raise
            return None, error

    @_spoken
    def set_attribute(self, trial: optuna.Trial, name: str, value: Any) -> None:
        """Note what the dashboard shows beside the trial."""
        trial.set_user_attr(name, value)

    @_spoken
    def entry(self, trial: optuna.Trial) -> TrialEntry:
        """Return what ``experience.json`` keeps of a trial."""
        return entry_of(optuna_adapter.read_trial(trial))

    def report(
        self, trial: optuna.Trial, epoch: int, value: float, is_judged: bool = True
    ) -> str | None:
        """Report one epoch, and return why the pruner ends the trial here, if it does. Asked again, it says the same again.

        Without a pruner, no training waits for a server that is away: the end of the trial tells each epoch again.

        Args:
            trial: one that is running.
            epoch: from 0.
            value: what is monitored of the epoch.
            is_judged: ask the pruner, if there is one.
        """
        report = functools.partial(self._report, trial, epoch, value, is_judged)
        return (
            self._voice.speak(report)
            if self._prunes and is_judged
            else self._voice.speak_in_passing(report)
        )

    def _report(self, trial: optuna.Trial, epoch: int, value: float, is_judged: bool) -> str | None:
        if len(self._aims) > 1:  # Optuna takes no values of epochs then
            return None
        # The trial itself knows what was reported of it. To ask a database for that takes longer than the report.
        if epoch not in optuna_adapter.reported_values(trial):
            trial.report(value, epoch)
        judges = self._prunes and is_judged
        return self._pruner.should_prune(self._study, trial, epoch) if judges else None

    @_spoken
    def catch_up(self, trial: optuna.Trial, curve: list[float]) -> None:
        """Report the epochs of a trial that only its folder knows: the pruner is to see the whole curve."""
        for epoch, value in enumerate(curve):
            self._report(trial, epoch, value, is_judged=False)

    @_spoken
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
            curve: what is monitored, by epoch, as in ``log.csv``.
            notes: attributes, see ``sweep.search.trial_conversion.notes_of``.
        """
        frozen = optuna_adapter.read_trial(trial)
        if not frozen.state.is_finished():  # else it was told, and the answer was lost
            for epoch, value in enumerate(curve if len(self._aims) == 1 else ()):
                if epoch not in frozen.intermediate_values:
                    trial.report(value, epoch)
            for name, note in (notes or {}).items():
                trial.set_user_attr(name, note)
            for name, constraint in constraints_of(outcome).items():
                if name not in frozen.constraints:  # else the answer was lost
                    trial.set_constraint(name, constraint)
            values = values_of(outcome, self._aims) if outcome.state is State.FINISHED else None
            self._study.tell(trial.number, values, state=TRIAL_STATES[outcome.state])

    def _take_stock(self) -> None:
        """Note which trials there are, all of which are somebody's, and which proposals wait for a trial."""
        trials = self._trials()
        self._given = {trial.number for trial in trials}
        self._note_waiting(trial.system_attrs.get(ENQUEUED_VALUES) for trial in trials)

    def _note_waiting(self, given: Iterable[Any]) -> None:
        taken = {key_of(one) for one in given}
        self._waiting = {key: one for key, one in self._enqueued.items() if key not in taken}

    @_spoken
    def tried(self) -> int | None:
        """Return how many combinations there are, once a sampler that takes each once has proposed all; None before."""
        return self._sampler.tried(self._study)

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _attach(self, trial: FrozenTrial) -> optuna.Trial:
        return optuna_adapter.attach(self._study, trial)


def _let_choose_lists(trial: optuna.Trial) -> None:
    """Let the choices of a trial be lists or tuples, as the widths of layers.

    Optuna takes them, and every storage gives them back as JSON does. So it is given what JSON makes of them, else it would
    take them for other choices in the next session; and the search space gets its own.
    """
    asked = trial.suggest_categorical

    def suggest_categorical(name: str, choices: Sequence[Any]) -> Any:
        if not any(isinstance(choice, list | tuple) for choice in choices):
            return asked(name, choices)
        value = asked(name, json.loads(json.dumps(choices)))
        return choices[int(trial.distributions[name].to_internal_repr(value))]

    trial.suggest_categorical = suggest_categorical  # type: ignore[method-assign]

"""Checks of a study against the folders, which are the truth, and against the search space."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.experience.folder import RecordWrong
from sweep.experience.record import Outcome, State
from sweep.experience.trials import TrialRecord, check_numbers
from sweep.search.journal import StudyUnreadable
from sweep.search.storage import read_trials
from sweep.search.trial_conversion import TRIAL_STATES, values_of
from sweep.space.objectives import Objective
from sweep.wording import without_password


def compare_study(
    name: str, where: str | Path, records: Mapping[int, TrialRecord]
) -> tuple[bool, str]:
    """Tell whether a study agrees with the folders, and how, in words. Nothing is written."""
    try:
        check_numbers(records)
    except RecordWrong as error:
        return False, str(error)
    try:
        trials = read_trials(name, where)
    except StudyUnreadable as error:
        return False, f"{error}: run makes it again from the folders"
    if trials is None:
        return True, f"{without_password(where)} holds none yet: run makes it from the folders"
    if why := difference(trials, records):
        return False, f"{without_password(where)} {why}: run makes it again from the folders"
    return True, f"{len(trials)} trials, as in the folders"


def difference(trials: Sequence[FrozenTrial], records: Mapping[int, TrialRecord]) -> str | None:
    """Return in words the first difference between a study and the folders; None without one.

    A trial that has ended in its folder and not yet in the study is no difference: the next run
    tells the study of that end.
    """
    if records and not trials:
        return "is missing"
    for number, record in sorted(records.items()):
        if number >= len(trials):
            return f"has no trial {number}"
        if why := _difference_of_trial(trials[number], record):
            return why
    for trial in trials:
        is_trained = trial.state.is_finished() and "id_experience" in trial.user_attrs
        if is_trained and trial.number not in records:
            return f"has a trial {trial.number} without a folder"
    return None


def _difference_of_trial(trial: FrozenTrial, record: TrialRecord) -> str | None:
    outcome = record.outcome
    if trial.params != record.entry.params:
        return f"has other parameters of trial {trial.number}"
    if not trial.state.is_finished():
        return None
    if not outcome:
        return f"has an end of trial {trial.number} that its folder does not have"
    if not _is_end_of(trial, outcome, record.record.objectives):
        return f"has another end of trial {trial.number}"
    return None


def _is_end_of(trial: FrozenTrial, outcome: Outcome, objectives: Sequence[Objective]) -> bool:
    is_finished = outcome.state is State.FINISHED
    same_values = not is_finished or trial.values == values_of(outcome, objectives)
    return trial.state is TRIAL_STATES[outcome.state] and same_values


def trained_without_folder(
    trials: Iterable[FrozenTrial], records: Mapping[int, TrialRecord]
) -> dict[int, str]:
    """Return by number the experience's id of each trained trial whose folder is missing."""
    missing = [
        trial
        for trial in trials
        if trial.number not in records and trial.state is not TrialState.FAIL
    ]
    return {
        trial.number: str(trial.user_attrs["id_experience"])
        for trial in missing
        if (trial.state.is_finished() or trial.intermediate_values)
        and "id_experience" in trial.user_attrs
    }


def check_distributions(
    trials: Iterable[FrozenTrial], suggested: Mapping[str, BaseDistribution]
) -> None:
    """Refuse distributions that one study of Optuna cannot hold beside those of its trials.

    Raises:
        SweepError: a parameter has other choices, or is of another kind, than before.
    """
    known = {name: old for trial in trials for name, old in trial.distributions.items()}
    for name, distribution in suggested.items():
        before = known.get(name, distribution)
        try:
            check_distribution_compatibility(before, distribution)
        except ValueError as error:
            raise SweepError(_sentence_of_change(name, before, distribution)) from error


def _sentence_of_change(name: str, before: BaseDistribution, now: BaseDistribution) -> str:
    choices, choices_now = (list(getattr(kind, "choices", ())) for kind in (before, now))
    if choices and sorted(choices, key=repr) == sorted(choices_now, key=repr):
        return (
            f"suggest gives {name!r} its choices in another order than before, as a set does in "
            f"each process: write the list {choices}."
        )
    return (
        f"suggest gives {name!r} other choices, or another kind, than the trials of this sweep "
        "have, and Optuna cannot hold both in one study: undo that, or take another --root."
    )


def check_compatible(theirs: FrozenTrial, ours: FrozenTrial) -> None:
    """Check that one study of Optuna can hold both trials.

    Raises:
        ValueError: a parameter has other choices, or is of another kind, in one of them.
    """
    for name in theirs.distributions.keys() & ours.distributions.keys():
        try:
            check_distribution_compatibility(ours.distributions[name], theirs.distributions[name])
        except ValueError as error:
            raise ValueError(
                f"it has other choices of {name!r}, or another kind, than the trials here"
            ) from error

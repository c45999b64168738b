"""sweep.search.study_check."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.distributions import (
    check_distribution_compatibility,
)
from optuna.trial import FrozenTrial

from sweep.experience.folder import RecordWrong
from sweep.experience.record import Outcome, State
from sweep.experience.trials import TrialRecord, check_numbers
from sweep.search.database import shown
from sweep.search.storage import StudyUnreadable, read_trials
from sweep.search.trial_conversion import TRIAL_STATES, values_of
from sweep.space.objectives import Objective


def compare_study(
    name: str, where: str | Path, known: Mapping[int, TrialRecord]
) -> tuple[bool, str]:
    """Tell whether a study is as the folders say, and in words what it is. Nothing is written."""
    try:
        check_numbers(known)
    except RecordWrong as error:
        return False, str(error)
    try:
        trials = read_trials(name, where)
    except StudyUnreadable as error:
        return False, f"{error}: run makes it again from the folders"
    if trials is None:
        return True, f"{shown(where)} holds none yet: run makes it from the folders"
    why = difference(trials, known)
    if why:
        return False, f"{shown(where)} {why}: run makes it again from the folders"
    return True, f"{len(trials)} trials, as in the folders"


def difference(trials: Sequence[FrozenTrial], known: Mapping[int, TrialRecord]) -> str | None:
    """Return the first thing in which a study does not agree with the folders, which are the truth; None where they agree.

    A trial that has ended in its folder and not yet in the study is no difference: it is told when it is brought to its end.
    """
    if known and not trials:
        return "is missing"
    for number, one in sorted(known.items()):
        if number >= len(trials):
            return f"has no trial {number}"
        trial, outcome = trials[number], one.outcome
        if trial.params != one.entry.params:
            return f"has other parameters of trial {number}"
        if trial.state.is_finished() and not outcome:
            return f"has an end of trial {number} that its folder does not have"
        if (
            trial.state.is_finished()
            and outcome
            and not _is_end_of(trial, outcome, one.record.aims)
        ):
            return f"has another end of trial {number}"
    lost = (
        trial
        for trial in trials
        if trial.state.is_finished() and "id_experience" in trial.user_attrs
    )
    return next(
        (
            f"has a trial {trial.number} without a folder"
            for trial in lost
            if trial.number not in known
        ),
        None,
    )


def check_compatible(theirs: FrozenTrial, ours: FrozenTrial) -> None:
    """Raises ValueError where one study of Optuna cannot hold both."""
    for name in theirs.distributions.keys() & ours.distributions.keys():
        try:
            check_distribution_compatibility(ours.distributions[name], theirs.distributions[name])
        except ValueError as error:
            raise ValueError(
                f"it has other choices of {name!r}, or another kind, than the trials here"
            ) from error


def _is_end_of(trial: FrozenTrial, outcome: Outcome, aims: Sequence[Objective]) -> bool:
    same_values = outcome.state is not State.FINISHED or trial.values == values_of(outcome, aims)
    return trial.state is TRIAL_STATES[outcome.state] and same_values

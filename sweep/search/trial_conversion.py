"""Conversion between a trial of Optuna and the entry of its folder's record."""

import functools
import json
import math
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.experience.entries import TrialEntry
from sweep.experience.folder import RecordWrong
from sweep.experience.record import Outcome, State
from sweep.experience.trials import TrialRecord
from sweep.search import optuna_schemas
from sweep.search.optuna_adapter import ENQUEUED_VALUES, PREFIXES_OF_PICKLES, check_trial
from sweep.space.objectives import Objective
from sweep.system import json_text

TRIAL_STATES = {
    State.FINISHED: TrialState.COMPLETE,
    State.PRUNED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}


def entry_of(frozen: FrozenTrial) -> TrialEntry:
    """Return what ``experience.json`` keeps of a trial: enough to make the trial again."""
    begun = frozen.datetime_start
    return TrialEntry(
        number=frozen.number,
        params=frozen.params,
        distributions={
            name: json.loads(distribution_to_json(distribution))
            for name, distribution in frozen.distributions.items()
        },
        attributes={
            "user": frozen.user_attrs,
            "system": _without_pickles(frozen.system_attrs),
        },
        begun=begun.astimezone(UTC).isoformat() if begun else None,
    )


def notes_of(trial: TrialRecord) -> dict[str, Any]:
    """Return the attributes that the dashboard shows of a trial beside its value."""
    outcome = trial.outcome
    ends = [session.ended for repeat in trial.repeats for session in repeat.record.sessions]
    notes: dict[str, Any] = {
        "best_epoch": outcome.epoch if outcome else None,
        "sessions": len(ends),
        "cuts": sum(end is not None and end.how == "cut" for end in ends),
        "reason": outcome.reason if outcome else None,
        "paused_after_epochs": trial.record.paused_at() if trial.record.is_paused() else None,
    }
    if trial.others:
        notes["repeats"] = {
            repeat.experience.id: repeat.record.outcome.values
            for repeat in trial.repeats
            if repeat.record.outcome
        }
    return {name: note for name, note in notes.items() if note is not None}


def frozen_of(trial: TrialRecord, curve: list[float] | None = None) -> FrozenTrial:
    """Return the trial that the folder keeps; once it has ended, with the value of each epoch.

    Args:
        trial: of the study.
        curve: the monitored value of each epoch; None reads the log.

    Raises:
        RecordWrong: the folder holds no trial of Optuna's.
        LogUnreadable: its log is foreign.
    """
    outcome = trial.outcome
    if not outcome:
        curve = []
    elif curve is None:
        curve = trial.curve()
    try:
        json_text.check(trial.entry.as_content(), optuna_schemas.OptunaTrial)
        frozen = _frozen(trial, curve)
        frozen.system_attrs.get(ENQUEUED_VALUES, {}).items()  # a trial of Optuna's looks into it
        for name, constraint in constraints_of(outcome).items() if outcome else ():
            if name not in frozen.constraints:
                frozen.set_constraint(name, constraint)
        check_trial(frozen)  # else ``add_trial`` would do so in the middle of a study
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise RecordWrong(
            f"{trial.experience.record}: trial {trial.number} is none of Optuna's ({error}); "
            f"undo the edit, or move {trial.experience.path} away."
        ) from error
    return frozen


def _frozen(trial: TrialRecord, curve: list[float]) -> FrozenTrial:
    entry, outcome, objectives = trial.entry, trial.outcome, trial.record.objectives
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TRIAL_STATES[outcome.state] if outcome else TrialState.RUNNING,
        value=None,
        values=_values(outcome, objectives, curve) if outcome else None,
        datetime_start=_local(entry.begun) or datetime.now(),
        datetime_complete=_local(entry.ended) if outcome else None,
        params=entry.params,
        distributions={
            name: _distribution(content) for name, content in entry.distributions.items()
        },
        user_attrs={
            **entry.attributes.get("user", {}),
            "id_experience": trial.experience.id,
            **(notes_of(trial) if outcome else {}),
        },
        system_attrs=_without_pickles(entry.attributes.get("system", {})),
        intermediate_values=values_by_epoch(curve, objectives),
    )


def given_in(entry: TrialEntry) -> Any:
    """Return the values that were enqueued for a trial, or None; the entry may hold anything."""
    try:
        return entry.attributes["system"].get(ENQUEUED_VALUES)
    except (KeyError, TypeError, AttributeError):
        return None


def _without_pickles(attributes: dict[str, Any]) -> dict[str, Any]:
    """Leave out the pickles of CMA-ES: no folder holds one, and proposing again makes them."""
    return {
        name: value
        for name, value in attributes.items()
        if not name.startswith(PREFIXES_OF_PICKLES)
    }


def directions_of(objectives: Sequence[Objective]) -> list[StudyDirection]:
    """Return for each objective whether the study maximizes or minimizes it."""
    return [
        StudyDirection.MAXIMIZE if objective.mode == "max" else StudyDirection.MINIMIZE
        for objective in objectives
    ]


def values_of(outcome: Outcome, objectives: Sequence[Objective]) -> list[float]:
    """Return the values of a finished trial, in the order of the objectives.

    A single objective may have another name here: where MONITOR is left out, the model gives it.
    """
    if len(objectives) == 1:
        return [float(next(iter(outcome.values.values()), math.nan))]
    return [float(outcome.values.get(objective.name, math.nan)) for objective in objectives]


def values_by_epoch(curve: Sequence[float], objectives: Sequence[Objective]) -> dict[int, float]:
    """Return what Optuna is told of the epochs: those with a value, of a single objective."""
    if len(objectives) > 1:
        return {}
    return {epoch: value for epoch, value in enumerate(curve) if not math.isnan(value)}


def constraints_of(outcome: Outcome) -> dict[str, float]:
    """Return the constraints of a trial as Optuna names them."""
    return {str(number): float(value) for number, value in enumerate(outcome.constraints or ())}


def _values(
    outcome: Outcome, objectives: Sequence[Objective], curve: list[float]
) -> list[float] | None:
    """Return the values that ``Study.tell`` would store: of a pruned trial, its latest value."""
    if outcome.state is State.PRUNED:
        return [*values_by_epoch(curve, objectives).values()][-1:] or None
    return values_of(outcome, objectives) if outcome.state is State.FINISHED else None


def _distribution(content: dict[str, Any]) -> BaseDistribution:
    """Make a distribution again, without the warnings that its first making gave."""
    return _distribution_of(json.dumps(content))


@functools.lru_cache(100)  # ten thousand trials have a few distributions
def _distribution_of(text: str) -> BaseDistribution:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return json_to_distribution(text)


def _local(time: str | None) -> datetime | None:
    """Return a time as Optuna keeps it: local, without its zone."""
    return datetime.fromisoformat(time).astimezone().replace(tzinfo=None) if time else None

"""How much each parameter matters, by Optuna's estimate."""

import contextlib
import warnings

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweep.errors import SweepError
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.search.trial_conversion import directions_of, frozen_of

LEAST_TRIALS = 4


def importances_of(snapshot: Snapshot) -> dict[str, float]:
    """Return the share of each parameter in the differences of the first objective.

    The greatest share comes first; together they are 1. The estimate is PED-ANOVA (Watanabe, Bansal
    and Hutter 2023, arXiv:2304.10255), Optuna's default. The result is empty where the trials are
    too few or all alike.
    """
    trials = _complete_trials(snapshot)
    varied = {
        name
        for trial in trials
        for name in trial.params
        if trial.params[name] != trials[0].params.get(name)
    }
    if len(trials) < LEAST_TRIALS or not varied or len({trial.values[0] for trial in trials}) == 1:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=directions_of(snapshot.objectives))
    study.add_trials(trials)
    target = _first_value if len(snapshot.objectives) > 1 else None
    with warnings.catch_warnings():
        # Optuna warns that few trials give a rough estimate: the report says so itself.
        warnings.simplefilter("ignore")
        shares = optuna.importance.get_param_importances(study, target=target)
    return {name: share for name, share in shares.items() if name in varied}


def _complete_trials(snapshot: Snapshot) -> list[FrozenTrial]:
    """Return the finished trials that were trained for the objectives of today."""
    objectives = list(snapshot.objectives)
    trials = []
    for trial in snapshot.trials:
        if trial.state is State.FINISHED and trial.trial_record.record.objectives == objectives:
            with contextlib.suppress(SweepError):  # an entry that is none of Optuna's
                trials.append(frozen_of(trial.trial_record))
    return [trial for trial in trials if trial.state is TrialState.COMPLETE]


def _first_value(trial: FrozenTrial) -> float:
    return float(trial.values[0])

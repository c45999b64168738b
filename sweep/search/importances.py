"""How much each parameter matters, as Optuna has it."""

import contextlib
import warnings

import optuna

from sweep.errors import SweepError
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.search.trial_conversion import directions_of, frozen_of

LEAST_TRIALS = 4


def importances_of(sight: Snapshot) -> dict[str, float]:
    """Return the share of each parameter in the differences of the first objective, the greatest first; together they are 1.

    By PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv:2304.10255), Optuna's default. None is returned where the trials
    are too few or all alike.
    """
    trials = []
    objectives = list(sight.objectives)
    for known in (
        one.trial_record
        for one in sight.trials
        if one.state is State.FINISHED and one.trial_record.record.objectives == objectives
    ):
        with contextlib.suppress(SweepError):  # what is none of Optuna's has no importance
            trials.append(frozen_of(known))
    trials = [trial for trial in trials if trial.state is optuna.trial.TrialState.COMPLETE]
    varied = {
        name
        for trial in trials
        for name in trial.params
        if trial.params[name] != trials[0].params.get(name)
    }
    if len(trials) < LEAST_TRIALS or not varied or len({trial.values[0] for trial in trials}) == 1:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=directions_of(sight.objectives))
    study.add_trials(trials)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # that it is rough where the trials are few: the report says so
        found = optuna.importance.get_param_importances(
            study, target=_first if len(sight.objectives) > 1 else None
        )
    return {name: share for name, share in found.items() if name in varied}


def _first(trial: optuna.trial.FrozenTrial) -> float:
    return float(trial.values[0])

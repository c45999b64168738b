"""What the trials of a study say together: how many have ended, and how good the best are."""

from collections.abc import Iterable, Mapping, Sequence

from optuna.trial import FrozenTrial, TrialState

from sweep.space.objectives import Objective, is_covered


def count_states(trials: Iterable[FrozenTrial]) -> dict[str, int]:
    """Return how many trials are finished, pruned and failed."""
    states = [trial.state for trial in trials]
    return {
        "finished": states.count(TrialState.COMPLETE),
        "pruned": states.count(TrialState.PRUNED),
        "failed": states.count(TrialState.FAIL),
    }


def has_reached(
    trials: Iterable[FrozenTrial],
    objective: Objective,
    target: float,
    paused: Mapping[int, float],
) -> bool:
    """Tell whether a trial that keeps the constraints is as good as ``target``.

    Args:
        trials: of the study.
        objective: of the first value of each trial.
        target: a value of that objective.
        paused: the best values of paused trials that keep the constraints, by number.
    """
    values = [trial.values[0] for trial in trials if _counts(trial)]
    return any(not objective.is_better(target, value) for value in [*values, *paused.values()])


def count_since_best(
    trials: Iterable[FrozenTrial], objectives: Sequence[Objective], paused: Mapping[int, float]
) -> int:
    """Return how many trials have ended after the last one that improved on all before it.

    Trials are taken by number, and paused ones count as ended with their best values. As long as
    none has improved, return 0. With several objectives, a trial improves if no earlier one is as
    good in all of them.

    Args:
        trials: of the study.
        objectives: of their values.
        paused: see ``has_reached``.
    """
    best: list[list[float]] = []
    since = 0
    for trial in trials:
        if not (trial.state.is_finished() or trial.number in paused):
            continue
        since += bool(best)
        ranks = _ranks(trial, objectives, paused)
        if ranks and not is_covered(ranks, best):
            best = [*(other for other in best if not is_covered(other, [ranks])), ranks]
            since = 0
    return since


def _ranks(
    trial: FrozenTrial, objectives: Sequence[Objective], paused: Mapping[int, float]
) -> list[float]:
    """Return the ranks of the values of a trial; none where it has none that count."""
    values = [paused[trial.number]] if trial.number in paused else []
    if trial.state.is_finished():
        values = trial.values if _counts(trial) else []
    return [objective.rank(value) for objective, value in zip(objectives, values, strict=False)]


def _counts(trial: FrozenTrial) -> bool:
    """Tell whether a trial is finished and keeps the constraints."""
    return trial.state is TrialState.COMPLETE and all(
        value <= 0 for value in trial.constraints.values()
    )

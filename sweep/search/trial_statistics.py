"""What the trials of a study say together: how many have ended, and how good the best are."""

from collections.abc import Iterable, Sequence

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


def has_reached(trials: Iterable[FrozenTrial], objective: Objective, target: float) -> bool:
    """Tell whether a trial that keeps the constraints is as good as ``target``.

    Args:
        objective: of the first value of each trial.
        target: a value of that objective.
    """
    values = (trial.values[0] for trial in trials if _counts(trial))
    return any(not objective.is_better(target, value) for value in values)


def count_since_best(trials: Iterable[FrozenTrial], objectives: Sequence[Objective]) -> int:
    """Return how many trials have ended after the last one that improved on all before it.

    Trials are taken by number. As long as none has improved, return 0. With several objectives, a
    trial improves if no earlier one is as good in all of them.
    """
    best: list[list[float]] = []
    since = 0
    for trial in (trial for trial in trials if trial.state.is_finished()):
        since += bool(best)
        if _counts(trial):
            ranks = [
                objective.rank(value)
                for objective, value in zip(objectives, trial.values, strict=True)
            ]
            if not is_covered(ranks, best):
                best = [*(other for other in best if not is_covered(other, [ranks])), ranks]
                since = 0
    return since


def _counts(trial: FrozenTrial) -> bool:
    """Tell whether a trial is finished and keeps the constraints."""
    return trial.state is TrialState.COMPLETE and all(
        value <= 0 for value in trial.constraints.values()
    )

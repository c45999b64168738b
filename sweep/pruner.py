"""When Optuna ends a training early: each epoch is asked about once, whatever was killed in between."""

import copy
from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial

PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
}


def should_prune(study: optuna.Study, trial: optuna.Trial, read: Callable[[optuna.Trial], FrozenTrial], epoch: int) -> bool:
    """Ask the pruner once for each epoch, also where a cut came between its answer and our note of it.

    Some pruners keep in ``system_attrs`` which rungs a trial has passed, and answer otherwise when asked again. So what
    stood there before is noted first, and a question that has no answer yet is asked from there.

    Args:
        study: has the pruner.
        trial: its latest reported epoch is ``epoch``, or a later one.
        read: returns what the storage has of a trial.
        epoch: from 0.
    """
    frozen = copy.copy(read(trial))
    asked = frozen.user_attrs.get("pruner", {"epoch": -1})
    if epoch < asked["epoch"] or ("answer" in asked and epoch == asked["epoch"]):
        return bool(epoch == asked["epoch"] and asked["answer"])
    if epoch > asked["epoch"]:
        asked = {"epoch": epoch, "known": sorted(frozen.system_attrs)}
        trial.set_user_attr("pruner", asked)
    frozen.system_attrs = {name: frozen.system_attrs[name] for name in asked["known"]}
    answer = bool(study.pruner.prune(study, frozen))  # NumPy's bool, from some pruners
    trial.set_user_attr("pruner", {**asked, "answer": answer})
    return answer

"""The objectives of a training: those of MONITOR, or the accuracy that its model has."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from sweep.space.directions import direction_of
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.objectives import MEASURED, Objectives
from sweep.space.search_space import SearchSpace
from sweep.training.keras_callbacks import are_all_known, names_logged_by
from sweep.training.protocol import Job
from sweep.wording import nearest


def choose_objectives(
    job: Job,
    space: SearchSpace,
    metrics: dict[str, Any],
    of_user: Sequence[keras.callbacks.Callback],
) -> Objectives:
    """Return the first possible objectives whose metrics the training logs.

    Where MONITOR is given, a callback of the user's own may log them: an epoch will show it, see
    ``sweep.training.monitored_callback``.

    Args:
        job: says which objectives the sweep has, where it knows.
        space: says which are possible.
        metrics: what the test step of the model logs.
        of_user: the callbacks of the search space.

    Raises:
        SearchSpaceWrong: a metric is not logged, or has several numbers.
    """
    possible = (job.objectives,) if job.objectives else space.possible_objectives
    logged = {*metrics, *names_logged_by(of_user)}
    may_log_more = not space.is_unnamed and not are_all_known(of_user)
    for objectives in possible:
        names = [name.removeprefix("val_") for name, _ in objectives if name not in MEASURED]
        lacking = [] if may_log_more else [name for name in names if name not in logged]
        if not lacking:
            _check_scalars(names, metrics, space)
            return objectives
    raise SearchSpaceWrong(f"{space.source.path}: {_lacking(job, space, metrics)}.")


def _check_scalars(names: list[str], metrics: dict[str, Any], space: SearchSpace) -> None:
    for name in names:
        if np.ndim(metrics.get(name, 0.0)):
            raise SearchSpaceWrong(
                f"{space.source.path}: the metric {name} has several numbers, and MONITOR needs "
                "one: let it take their mean."
            )


def _lacking(job: Job, space: SearchSpace, metrics: dict[str, Any]) -> str:
    """Return what a model lacks, what it has, and what to write."""
    names = [name for name in metrics if name != "loss"]
    has = f"only {', '.join(names)}" if names else "none"
    wanted = [name for objectives in space.possible_objectives for name, _ in objectives]
    lacking = [
        name.removeprefix("val_")
        for name in wanted
        if name not in MEASURED and name.removeprefix("val_") not in metrics
    ]
    quoted = " or ".join(f'"{name}"' for name in lacking)
    lacks = f"build_model compiles no metric named {quoted} ({has})"
    if space.is_unnamed and job.objectives:
        before, root = job.objectives[0].name, job.experience.path.parent
        return (
            f"{lacks}, where the experiences in {root} have {before}: give it the same name with "
            "all parameters, or take another --root"
        )
    near = nearest(lacking[0], names, 0.3) if not space.is_unnamed else None
    best = near or next(filter(direction_of, names), names[0] if names else "loss")
    mode = "" if direction_of(best) else ' and MODE = "max" or "min"'
    monitor = f'write MONITOR = "val_{best}"{mode}'
    compiled = "" if names else 'give compile(…) metrics=["acc"], or '
    return f"{lacks}; {compiled}{monitor}"

"""When Optuna ends a training early, and why: each epoch is asked about once, whatever was killed in between."""

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweep.errors import Misuse
from sweep.search import optuna_adapter
from sweep.settings import Choice, plain_options


def _percentile(
    percentile: float = 25.0,
    n_startup_trials: int = 5,
    n_warmup_steps: int = 0,
    interval_steps: int = 1,
    n_min_trials: int = 1,
) -> BasePruner:
    return optuna.pruners.PercentilePruner(
        percentile, n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials
    )


def _successive_halving(
    epochs: int,
    min_resource: int | None = None,
    reduction_factor: int = 4,
    min_early_stopping_rate: int = 0,
    bootstrap_count: int = 0,
) -> BasePruner:
    """Optuna's own ``auto`` looks at the trials that are complete when it is first asked: others, after a restart."""
    least = max((epochs - 1) // 100, 1) if min_resource is None else min_resource
    return optuna.pruners.SuccessiveHalvingPruner(
        least, reduction_factor, min_early_stopping_rate, bootstrap_count
    )


def _hyperband(
    epochs: int,
    min_resource: int = 1,
    max_resource: int | None = None,
    reduction_factor: int = 3,
    bootstrap_count: int = 0,
) -> BasePruner:
    """See ``_successive_halving``, which refuses what Hyperband itself would only when it is first asked."""
    most = epochs if max_resource is None else max_resource
    if most < min_resource:
        raise ValueError(
            f"min_resource is {min_resource}, and a training has {most} epochs: give fewer"
        )
    _successive_halving(epochs, min_resource, reduction_factor, 0, bootstrap_count)
    return optuna.pruners.HyperbandPruner(min_resource, most, reduction_factor, bootstrap_count)


def _patient(
    epochs: int, patience: int = 5, min_delta: float = 0.0, wrapped_pruner: str = "none"
) -> BasePruner:
    wrapped = (
        None
        if wrapped_pruner == "none"
        else Pruner(Choice.read("wrapped_pruner", wrapped_pruner, WRAPPED), epochs)
    )
    return optuna.pruners.PatientPruner(wrapped.optunas if wrapped else None, patience, min_delta)


def _threshold(
    lower: float | None = None,
    upper: float | None = None,
    n_warmup_steps: int = 0,
    interval_steps: int = 1,
) -> BasePruner:
    if lower is None and upper is None:
        raise ValueError(
            "give it the least value that is well, as threshold:lower=0.2, or the most, as threshold:upper=2"
        )
    return optuna.pruners.ThresholdPruner(lower, upper, n_warmup_steps, interval_steps)


BUILDERS: dict[str, Callable[..., BasePruner]] = {
    "none": lambda: optuna.pruners.NopPruner(),
    "median": optuna.pruners.MedianPruner,
    "percentile": _percentile,
    "successive_halving": _successive_halving,
    "hyperband": _hyperband,
    "patient": _patient,
    "threshold": _threshold,
}
# Optuna knows Hyperband only where nothing is around it.
WRAPPED = ("median", "percentile", "successive_halving", "threshold")


class Pruner:
    """A pruner of Optuna's with its options.

    Args:
        choice: of ``BUILDERS``.
        epochs: of a training.

    Raises:
        Misuse: it does not take these options.
    """

    def __init__(self, choice: Choice, epochs: int) -> None:
        build = BUILDERS[choice.name]
        choice.check(plain_options(build, {"epochs"}))
        taken = inspect.signature(build).parameters
        defaults = {
            name: one.default
            for name, one in taken.items()
            if one.default is not inspect.Parameter.empty
        }
        self.name, self.options = choice.name, {**defaults, **choice.options}
        try:
            with warnings.catch_warnings(
                category=optuna.exceptions.ExperimentalWarning, action="ignore"
            ):
                self.optunas = build(
                    **{**self.options, **({"epochs": epochs} if "epochs" in taken else {})}
                )
        except Misuse:
            raise
        except (ValueError, TypeError) as error:
            raise choice.wrong(str(error).rstrip(".")) from error

    def should_prune(
        self,
        study: optuna.Study,
        trial: optuna.Trial,
        epoch: int,
    ) -> str | None:
        """Ask for each epoch once, also where a cut came between the answer and our note of it.

        Some pruners note in the trial which rungs it has passed, and answer otherwise when asked again. So what they note is
        held back until their answer is written, together with it.

        Args:
            study: of the trial.
            trial: ``epoch`` is reported.
            epoch: from 0.

        Returns:
            Why the training ends here; None where it goes on.
        """
        frozen = copy.copy(optuna_adapter.read_trial(trial))
        asked = frozen.user_attrs.get("pruner", {"epoch": -1})
        if epoch < asked["epoch"]:
            return None
        if epoch > asked["epoch"]:
            frozen.intermediate_values = {
                at: value for at, value in frozen.intermediate_values.items() if at <= epoch
            }
            storage = _HoldsBack(optuna_adapter.storage_of(study))
            prunes = self.optunas.prune(optuna_adapter.with_storage(study, storage), frozen)
            why = (
                f"{self.name} ended it after epoch {epoch}: {self._why(frozen, study.direction)}"
                if prunes
                else None
            )
            asked = {"epoch": epoch, "answer": why, "notes": storage.notes}
            trial.set_user_attr("pruner", asked)
        for name, note in asked["notes"].items():
            if name not in frozen.system_attrs:
                # as the pruner would have
                optuna_adapter.set_system_attribute(trial, name, note)
        return asked["answer"]  # type: ignore[no-any-return]

    def _why(self, frozen: FrozenTrial, direction: StudyDirection) -> str:
        """Return in words what it compared: each pruner has its own question."""
        values = [value for _, value in sorted(frozen.intermediate_values.items())]
        best, has = max if direction == StudyDirection.MAXIMIZE else min, self.options
        now = f"its value, {values[-1]:.4g}, was"
        match self.name:
            case "median":
                return f"its best value, {best(values):.4g}, was worse than the median of the finished trials at this epoch"
            case "percentile":
                which = f"the best {has['percentile']:g} % of the finished trials at this epoch"
                return f"its best value, {best(values):.4g}, was not as good as {which}"
            case "successive_halving" | "hyperband":
                whose = "those of its bracket" if self.name == "hyperband" else "those"
                first = (
                    f", or it was one of the first {has['bootstrap_count']}"
                    if has["bootstrap_count"]
                    else ""
                )
                return f"{now} not in the best 1/{has['reduction_factor']} of {whose} that came so far{first}"
            case "patient":
                last, by = (
                    has["patience"] + 1,
                    f" by more than {has['min_delta']:g}" if has["min_delta"] else "",
                )
                also = (
                    f", and {has['wrapped_pruner']} ended it"
                    if has["wrapped_pruner"] != "none"
                    else ""
                )
                return f"its last {last} values were all worse{by} than {best(values[:-last]):.4g} before them{also}"
            case "threshold" if has["lower"] is not None and values[-1] < has["lower"]:
                return f"{now} below {has['lower']:g}"
            case "threshold":  # a training whose value is no number has failed before
                return f"{now} above {has['upper']:g}"
        raise ValueError(self.name)


class _HoldsBack:
    """A storage that does not write what a pruner notes in a trial, and remembers it in ``notes``."""

    def __init__(self, storage: BaseStorage) -> None:
        self._held, self.notes = storage, dict[str, Any]()

    def set_trial_system_attr(self, trial_id: int, name: str, note: Any) -> None:
        self.notes[name] = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

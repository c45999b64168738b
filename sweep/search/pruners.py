"""Pruners, which end a training early: each is asked once about each epoch, whatever was killed."""

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

from sweep.choice import Choice, plain_options
from sweep.errors import Misuse
from sweep.search import optuna_adapter


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
    """Build a pruner whose ``min_resource`` depends on the options only.

    Optuna's ``auto`` reads the trials that are complete when it is first asked: after a restart,
    these are others.
    """
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
    """Build Hyperband, after ``_successive_halving`` has checked the options.

    Hyperband itself would refuse them only when it is first asked.
    """
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
    wrapped = None
    if wrapped_pruner != "none":
        choice = Choice.read("wrapped_pruner", wrapped_pruner, WRAPPED)
        wrapped = Pruner(choice, epochs).optuna_pruner
    return optuna.pruners.PatientPruner(wrapped, patience, min_delta)


def _threshold(
    lower: float | None = None,
    upper: float | None = None,
    n_warmup_steps: int = 0,
    interval_steps: int = 1,
) -> BasePruner:
    if lower is None and upper is None:
        raise ValueError(
            "give it the least value that is well, as threshold:lower=0.2, or the most, as "
            "threshold:upper=2"
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
# Not Hyperband: Optuna recognizes it only where no other pruner wraps it.
WRAPPED = ("median", "percentile", "successive_halving", "threshold")


class Pruner:
    """A pruner of Optuna's with its options.

    Args:
        choice: one of ``BUILDERS``, with options.
        epochs: of a training.

    Raises:
        Misuse: it does not take these options.
    """

    def __init__(self, choice: Choice, epochs: int) -> None:
        build = BUILDERS[choice.name]
        choice.check(plain_options(build, {"epochs"}))
        taken = inspect.signature(build).parameters
        defaults = {
            name: parameter.default
            for name, parameter in taken.items()
            if parameter.default is not inspect.Parameter.empty
        }
        epochs_if_taken = {"epochs": epochs} if "epochs" in taken else {}
        self.name, self.options = choice.name, {**defaults, **choice.options}
        try:
            with warnings.catch_warnings(
                category=optuna.exceptions.ExperimentalWarning, action="ignore"
            ):
                self.optuna_pruner = build(**{**self.options, **epochs_if_taken})
        except Misuse:
            raise
        except (ValueError, TypeError) as error:
            raise choice.wrong(str(error).rstrip(".")) from error

    def should_prune(self, study: optuna.Study, trial: optuna.Trial, epoch: int) -> str | None:
        """Return why the pruner ends the training here; None if the training continues.

        The pruner is asked once for each epoch, even if a cut came between its answer and our note
        of it. Some pruners note in the trial which rungs it has passed, and would answer otherwise
        when asked again. So their notes are held back and written together with the answer.

        Args:
            study: of the trial.
            trial: its ``epoch`` is reported.
            epoch: from 0.
        """
        frozen = copy.copy(optuna_adapter.read_trial(trial))
        asked = frozen.user_attrs.get("pruner", {"epoch": -1})
        if epoch < asked["epoch"]:
            return None
        if epoch > asked["epoch"]:
            frozen.intermediate_values = {
                at: value for at, value in frozen.intermediate_values.items() if at <= epoch
            }
            storage = _StorageHoldingNotes(optuna_adapter.storage_of(study))
            prunes = self.optuna_pruner.prune(optuna_adapter.with_storage(study, storage), frozen)
            why = None
            if prunes:
                reason = self._reason(frozen, study.direction)
                why = f"{self.name} ended it after epoch {epoch}: {reason}"
            asked = {"epoch": epoch, "answer": why, "notes": storage.notes}
            trial.set_user_attr("pruner", asked)
        for name, note in asked["notes"].items():
            if name not in frozen.system_attrs:
                optuna_adapter.set_system_attribute(trial, name, note)
        return asked["answer"]  # type: ignore[no-any-return]

    def _reason(self, frozen: FrozenTrial, direction: StudyDirection) -> str:
        """Return in words what the pruner compared. The sentence is stored in the record."""
        values = [value for _, value in sorted(frozen.intermediate_values.items())]
        best = max if direction == StudyDirection.MAXIMIZE else min
        options = self.options
        now = f"its value, {values[-1]:.4g}, was"
        match self.name:
            case "median":
                return (
                    f"its best value, {best(values):.4g}, was worse than the median of the "
                    "finished trials at this epoch"
                )
            case "percentile":
                best_part = (
                    f"the best {options['percentile']:g} % of the finished trials at this epoch"
                )
                return f"its best value, {best(values):.4g}, was not as good as {best_part}"
            case "successive_halving" | "hyperband":
                whose = "those of its bracket" if self.name == "hyperband" else "those"
                bootstrap = options["bootstrap_count"]
                first = f", or it was one of the first {bootstrap}" if bootstrap else ""
                share = f"1/{options['reduction_factor']}"
                return f"{now} not in the best {share} of {whose} that came so far{first}"
            case "patient":
                last, min_delta = options["patience"] + 1, options["min_delta"]
                wrapped = options["wrapped_pruner"]
                by = f" by more than {min_delta:g}" if min_delta else ""
                also = f", and {wrapped} ended it" if wrapped != "none" else ""
                return (
                    f"its last {last} values were all worse{by} than {best(values[:-last]):.4g} "
                    f"before them{also}"
                )
            case "threshold" if options["lower"] is not None and values[-1] < options["lower"]:
                return f"{now} below {options['lower']:g}"
            case "threshold":  # a training whose value is not a number has failed before
                return f"{now} above {options['upper']:g}"
        raise ValueError(self.name)


class _StorageHoldingNotes:
    """A storage that does not write what a pruner notes in a trial: it collects it in ``notes``."""

    def __init__(self, storage: BaseStorage) -> None:
        self._held, self.notes = storage, dict[str, Any]()

    def set_trial_system_attr(self, trial_id: int, name: str, note: Any) -> None:
        self.notes[name] = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)

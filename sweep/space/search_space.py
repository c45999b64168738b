"""Execute a search space, check it, and check the parameters that it suggests."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sweep.settings import MOST_ROWS
from sweep.space.arguments import taking
from sweep.space.identity import NotJsonValue, plain
from sweep.space.mistakes import PRUNED_BY_OPTION, SearchSpaceWrong, mistake_of, mistakes_in
from sweep.space.objectives import Objectives, possible_objectives
from sweep.space.phases import Phase, Phases, reading_phases
from sweep.space.project import PACKAGE_OF_SPACES, Module, Project
from sweep.space.source import SpaceSource
from sweep.wording import nearest

FUNCTIONS = ("suggest", "load_data", "build_model")
# The other names, with how like a name must be to count as a misspelling (from 0 to 1).
OPTIONAL = {
    "callbacks": 0.85,
    "class_weight": 0.85,
    "constraints": 0.85,
    "phases": 0.85,
    "EARLY_STOPPING_ENDS": 0.8,
    "FIXED": 0.7,
    "MONITOR": 0.8,
}
SEEDS = 2**32
# What ends where a callback stops the training: all of it, or the phase.
ENDS = ("training", "phase")
# The parameters that every training needs: name, smallest, largest and usual value.
INTEGERS = (("epochs", 1, MOST_ROWS, 20), ("batch_size", 1, 10**9, 32), ("seed", 0, SEEDS - 1, 0))


@dataclass(frozen=True)
class SearchSpace:
    """A loaded search space: what to try and how to train it.

    ``possible_objectives`` has several entries where MONITOR is left out, and the model says which.
    """

    source: SpaceSource
    fixed: dict[str, Any]
    suggest: Callable[[Any], dict[str, Any]]
    load_data: Callable[[dict[str, Any]], Any]
    build_model: Callable[[dict[str, Any]], Any]
    callbacks: Callable[[dict[str, Any], Path], list[Any]]
    possible_objectives: tuple[Objectives, ...]
    constraints: Callable[[dict[str, Any], dict[str, float]], Any] | None
    class_weight: Callable[[dict[str, Any]], dict[int, float] | None]
    phases: Callable[[dict[str, Any]], Phases] | None
    early_stopping_ends: str

    @property
    def objectives(self) -> Objectives:
        """The objectives; where the model is still to say which, the first possible ones."""
        return self.possible_objectives[0]

    @property
    def is_unnamed(self) -> bool:
        """Whether MONITOR is left out, so that the model says what is its accuracy."""
        return len(self.possible_objectives) > 1

    def parameters(self, suggested: object) -> dict[str, Any]:
        """Return all parameters of a training: those that ``suggest`` returned, and those of FIXED.

        Raises:
            SearchSpaceWrong: the two overlap, or lack a parameter that every training needs.
            NotJsonValue: a value is not plain JSON.
        """
        path = self.source.path
        if not isinstance(suggested, dict):
            kind = type(suggested).__name__
            raise SearchSpaceWrong(
                f"{path}: suggest returns a {kind}; return a dict of parameters."
            )
        twice = sorted(str(name) for name in set(suggested) & set(self.fixed))
        if twice:
            raise SearchSpaceWrong(
                f"{path}: suggest returns {twice[0]!r}, which is also in FIXED or in --epochs; "
                "take it out of one of them."
            )
        try:
            parameters = plain({**suggested, **self.fixed})
        except NotJsonValue as error:
            raise NotJsonValue(f"{path}: {error}") from error
        if self.phases and "epochs" not in parameters:
            parameters["epochs"] = sum(phase.epochs for phase in self.phases(parameters))
        _check_integers(parameters, path)
        self.phases_of(parameters)
        return parameters

    def phases_of(self, parameters: dict[str, Any]) -> Phases:
        """Return the phases of a training; without the function of that name, there is one.

        Raises:
            SearchSpaceWrong: ``phases`` raises, or has not as many epochs as the parameters say.
        """
        epochs = parameters["epochs"]
        phases = self.phases(parameters) if self.phases else (Phase(epochs),)
        together = sum(phase.epochs for phase in phases)
        if together != epochs:
            raise SearchSpaceWrong(
                f"{self.source.path}: phases has {together} epochs together, and epochs is "
                f"{epochs}; leave epochs out, or let phases divide parameters['epochs']."
            )
        return phases

    def constraints_of(
        self, parameters: dict[str, Any], results: dict[str, float]
    ) -> list[float] | None:
        """Return the numbers of ``constraints`` for the best epoch; None without that function.

        Args:
            parameters: of the training.
            results: of the best epoch, by the columns of ``log.csv``, and the measured objectives.

        Raises:
            SearchSpaceWrong: the function raises, or returns other than finite numbers.
        """
        if self.constraints is None:
            return None
        path = self.source.path
        with mistakes_in(path):
            value = self.constraints(dict(parameters), dict(results))
            numbers = list(value) if isinstance(value, Iterable) else [value]
        if not all(isinstance(item, int | float) and math.isfinite(item) for item in numbers):
            raise SearchSpaceWrong(
                f"{path}: constraints returns {value!r}; return finite numbers, up to 0 where kept."
            )
        return list(map(float, numbers))


def _check_integers(parameters: dict[str, Any], path: Path) -> None:
    for name, least, most, usual in INTEGERS:
        if name not in parameters:
            raise SearchSpaceWrong(
                f'{path}: there is no parameter {name!r}; add it to FIXED, as "{name}": {usual}.'
            )
        value = parameters[name]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise SearchSpaceWrong(
                f"{path}: {name} is {value!r}; give an integer from {least} to {most}."
            )


def load(source: SpaceSource) -> SearchSpace:
    """Execute the search space and return it.

    Raises:
        SearchSpaceWrong: it does not import, or lacks a function; the message has its own error and
            line.
    """
    module, path = _execute(source), source.path
    _check_names(module, path)
    _check_kinds(module, path)
    try:
        monitor, mode = getattr(module, "MONITOR", None), getattr(module, "MODE", None)
        objectives = possible_objectives(monitor, mode)
    except ValueError as error:
        raise SearchSpaceWrong(f"{path}: {error}.") from None
    phases = getattr(module, "phases", None)
    return SearchSpace(
        source=source,
        fixed=getattr(module, "FIXED", {}),
        suggest=module.suggest,
        load_data=taking(module.load_data, ("parameters",), path),
        build_model=module.build_model,
        callbacks=taking(
            getattr(module, "callbacks", None) or _no_callbacks,
            ("parameters", "folder"),
            path,
            f"A pruning callback is not needed: {PRUNED_BY_OPTION}.",
        ),
        possible_objectives=objectives,
        constraints=getattr(module, "constraints", None),
        class_weight=getattr(module, "class_weight", None) or _no_class_weight,
        phases=reading_phases(phases, path) if phases else None,
        early_stopping_ends=getattr(module, "EARLY_STOPPING_ENDS", ENDS[0]),
    )


def _check_names(module: ModuleType, path: Path) -> None:
    """Refuse a search space in which a function is missing, or a name is misspelt."""
    missing = [name for name in FUNCTIONS if not callable(getattr(module, name, None))]
    if missing:
        near = nearest(missing[0], vars(module), 0.7)
        mend = f"rename {near} to {missing[0]}" if near else f"add def {missing[0]}"
        raise SearchSpaceWrong(f"{path} has no function {missing[0]}: {mend}(…).")
    for name, likeness in OPTIONAL.items():
        near = nearest(name, vars(module), likeness)
        if getattr(module, name, None) is None and near not in (None, name):
            raise SearchSpaceWrong(f"{path} has {near} and no {name}: rename {near} to {name}.")


def _check_kinds(module: ModuleType, path: Path) -> None:
    """Refuse a search space in which an optional name is something else than it must be."""
    optional = ("callbacks", ""), ("class_weight", ""), ("constraints", ", logs"), ("phases", "")
    for name, arguments in optional:
        value = getattr(module, name, None)
        if value is not None and not callable(value):
            wanted = f"def {name}(parameters{arguments})"
            raise SearchSpaceWrong(f"{path}: {name} is a {type(value).__name__}; write {wanted}.")
    fixed = getattr(module, "FIXED", {})
    if not isinstance(fixed, dict):
        kind = type(fixed).__name__
        raise SearchSpaceWrong(f'{path}: FIXED is a {kind}; write a dict, {{"epochs": 20, …}}.')
    ends = getattr(module, "EARLY_STOPPING_ENDS", ENDS[0])
    if ends not in ENDS:
        raise SearchSpaceWrong(
            f"{path}: EARLY_STOPPING_ENDS is {ends!r}; write {' or '.join(map(repr, ENDS))}."
        )


def _no_callbacks() -> list[Any]:
    return []


def _no_class_weight(parameters: dict[str, Any]) -> None:  # noqa: ARG001
    return None


def _execute(source: SpaceSource) -> ModuleType:
    module = ModuleType(f"{PACKAGE_OF_SPACES}.{source.name}")
    module.__file__ = str(source.path)
    sys.modules[module.__name__] = module  # Keras finds the module of a custom layer by its name
    Project(Module(module.__name__, source.path, source.text), source.modules).open()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            code = compile(source.text, str(source.path), "exec")
            exec(code, vars(module))  # noqa: S102 # running this file is the point
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit: the file is the user's, and may do anything
        raise mistake_of(error, source.path) from error
    return module

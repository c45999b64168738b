"""A search space: find the Python file, load it, check it, tell whether its code was changed."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sweep.settings import MOST_ROWS
from sweep.space.identity import NotJsonValue, plain
from sweep.space.mistakes import SearchSpaceWrong, mistake_of, mistakes_in
from sweep.space.objectives import Objective, objectives_of
from sweep.space.project import PACKAGE_OF_SPACES, Module, Project
from sweep.space.source import SpaceSource
from sweep.wording import nearest

FUNCTIONS = ("suggest", "load_data", "build_model")
# And how like a name must be to be taken for a misspelling.
OPTIONAL = {
    "callbacks": 0.85,
    "class_weight": 0.85,
    "constraints": 0.85,
    "FIXED": 0.7,
    "MONITOR": 0.8,
}
SEEDS = 2**32
# What every training needs: name, least, most, and what many take.
INTEGERS = (("epochs", 1, MOST_ROWS, 20), ("batch_size", 1, 10**9, 32), ("seed", 0, SEEDS - 1, 0))


@dataclass(frozen=True)
class SearchSpace:
    """A loaded search space: what to try and how to train it."""

    source: SpaceSource
    fixed: dict[str, Any]
    suggest: Callable[[Any], dict[str, Any]]
    load_data: Callable[[], Any]
    build_model: Callable[[dict[str, Any]], Any]
    callbacks: Callable[[dict[str, Any]], list[Any]]
    objectives: tuple[Objective, ...]
    constraints: Callable[[dict[str, Any], dict[str, float]], Any] | None
    class_weight: Callable[[dict[str, Any]], dict[int, float] | None]

    def parameters(self, suggested: object) -> dict[str, Any]:
        """Return all that decides a training: what ``suggest`` returned, and what is fixed.

        Raises:
            SearchSpaceWrong: they overlap, or lack what every training needs.
            NotJsonValue: a value is not plain JSON.
        """
        path = self.source.path
        if not isinstance(suggested, dict):
            raise SearchSpaceWrong(
                f"{path}: suggest returns a {type(suggested).__name__}; return a dict of parameters."
            )
        twice = sorted(str(name) for name in set(suggested) & set(self.fixed))
        if twice:
            raise SearchSpaceWrong(
                f"{path}: suggest returns {twice[0]!r}, which is also in FIXED or in --epochs; take it out of one of them."
            )
        parameters = {**suggested, **self.fixed}
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
        try:
            return plain(parameters)
        except NotJsonValue as error:
            raise NotJsonValue(f"{path}: {error}") from error

    def constraints_of(
        self, parameters: dict[str, Any], results: dict[str, float]
    ) -> list[float] | None:
        """Return what the search space's ``constraints`` says of the best epoch; None where there is no such function.

        Args:
            parameters: of the training.
            results: of the best epoch, by the columns of ``log.csv``, and what is measured.

        Raises:
            SearchSpaceWrong: it raises, or returns no finite numbers.
        """
        if self.constraints is None:
            return None
        with mistakes_in(self.source.path):
            found = self.constraints(dict(parameters), dict(results))
            numbers = list(found) if isinstance(found, Iterable) else [found]
        if not all(isinstance(one, int | float) and math.isfinite(one) for one in numbers):
            raise SearchSpaceWrong(
                f"{self.source.path}: constraints returns {found!r}; return finite numbers, up to 0 where kept."
            )
        return list(map(float, numbers))


def load(source: SpaceSource) -> SearchSpace:
    """Execute the search space and return it.

    Raises:
        SearchSpaceWrong: it does not import, or lacks a function; the message has its own error and line.
    """
    module = _execute(source)
    missing = [name for name in FUNCTIONS if not callable(getattr(module, name, None))]
    if missing:
        near = nearest(missing[0], vars(module), 0.7)
        mend = f"rename {near} to {missing[0]}" if near else f"add def {missing[0]}"
        raise SearchSpaceWrong(f"{source.path} has no function {missing[0]}: {mend}(…).")
    for name, likeness in OPTIONAL.items():
        near = nearest(name, vars(module), likeness)
        if getattr(module, name, None) is None and near not in (None, name):
            raise SearchSpaceWrong(
                f"{source.path} has {near} and no {name}: rename {near} to {name}."
            )
    for name, arguments in (("callbacks", ""), ("class_weight", ""), ("constraints", ", logs")):
        there = getattr(module, name, None)
        if there is not None and not callable(there):
            wanted = f"def {name}(parameters{arguments})"
            raise SearchSpaceWrong(
                f"{source.path}: {name} is a {type(there).__name__}; write {wanted}."
            )
    fixed = getattr(module, "FIXED", {})
    if not isinstance(fixed, dict):
        raise SearchSpaceWrong(
            f'{source.path}: FIXED is a {type(fixed).__name__}; write a dict, {{"epochs": 20, …}}.'
        )
    try:
        objectives = objectives_of(getattr(module, "MONITOR", None), getattr(module, "MODE", None))
    except ValueError as error:
        raise SearchSpaceWrong(f"{source.path}: {error}.") from None
    return SearchSpace(
        source=source,
        fixed=fixed,
        suggest=module.suggest,
        load_data=module.load_data,
        build_model=module.build_model,
        callbacks=getattr(module, "callbacks", None) or (lambda parameters: []),  # noqa: ARG005
        objectives=objectives,
        constraints=getattr(module, "constraints", None),
        class_weight=getattr(module, "class_weight", None) or (lambda parameters: None),  # noqa: ARG005
    )


def _execute(source: SpaceSource) -> ModuleType:
    module = ModuleType(f"{PACKAGE_OF_SPACES}.{source.name}")
    module.__file__ = str(source.path)
    sys.modules[module.__name__] = module  # Keras finds the module of a custom layer by its name
    Project(Module(module.__name__, source.path, source.text), source.modules).open()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            exec(  # noqa: S102 # the code of a test
                compile(source.text, str(source.path), "exec"), vars(module)
            )  # running this file is the point
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit: the file is the user's, and may do anything
        raise mistake_of(error, source.path) from error
    return module

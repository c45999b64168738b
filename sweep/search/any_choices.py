"""Choices that a storage would not give back as they are: lists, tuples and NumPy's scalars."""

import json
from collections.abc import Iterable
from typing import Any

import optuna

from sweep.space.identity import python_value


def allow_any_choices(trial: optuna.Trial) -> None:
    """Let the choices of a trial's ``suggest_categorical`` be lists, tuples or NumPy's scalars.

    Optuna accepts them, and every storage returns them as JSON does: a tuple as a list. In the next
    session, Optuna would take that for other choices, so it gets the choices as JSON writes them.
    The search space gets its own choice back. Optuna cannot tell 1 and 1.0 apart, and returns
    either of them in a later session; the search space always gets the first of the two.
    """
    original = trial.suggest_categorical

    def suggest_categorical(name: str, choices: Iterable[Any]) -> Any:
        choices = list(choices)
        in_json = list(map(_as_json, choices))
        value = original(name, in_json)
        choice = choices[in_json.index(value)] if value in in_json else value  # NaN equals nothing
        # True equals 1 for Optuna, but they are two values, with two ids.
        return choice if isinstance(choice, bool) == isinstance(value, bool) else value

    trial.suggest_categorical = suggest_categorical  # type: ignore[method-assign]


def _as_json(choice: Any) -> Any:
    choice = python_value(choice)
    if isinstance(choice, list | tuple | dict):
        return json.loads(json.dumps(choice))
    return choice

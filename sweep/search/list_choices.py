"""Choices that are lists or tuples, such as the widths of a network's layers."""

import json
from collections.abc import Sequence
from typing import Any

import optuna


def allow_lists(trial: optuna.Trial) -> None:
    """Let the choices of a trial's ``suggest_categorical`` be lists or tuples.

    Optuna accepts them, and every storage returns them as JSON does: a tuple as a list. In the next
    session, Optuna would take that for other choices, so it gets the choices as JSON writes them.
    The search space gets its own choice back.
    """
    original = trial.suggest_categorical

    def suggest_categorical(name: str, choices: Sequence[Any]) -> Any:
        if not any(isinstance(choice, list | tuple) for choice in choices):
            return original(name, choices)
        value = original(name, json.loads(json.dumps(choices)))
        return choices[int(trial.distributions[name].to_internal_repr(value))]

    trial.suggest_categorical = suggest_categorical  # type: ignore[method-assign]

"""The training step and the test step of a model, with the variables that only their graphs use."""

from collections.abc import Iterable
from typing import Any

import keras

from sweep.training.state.packing import Json, StateArrays
from sweep.training.state.variables import assign_saved, save_variable, underlying


class TracedSteps:
    """The steps of a model as ``sweep.training.steps`` makes them.

    Args:
        model: built and compiled.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def current(self) -> dict[str, Any]:
        """Return both steps by name; they are made again where a new compile has removed them."""
        self._model.make_train_function()
        self._model.make_test_function()
        return {"train": self._model.train_function, "test": self._model.test_function}

    def traced(self) -> list[str]:
        """Return the names of the steps that have a graph."""
        return [name for name, step in self.current().items() if step.is_traced]

    def trace(self, names: Iterable[str]) -> None:
        """Make the graphs of these steps; nothing is run."""
        for name in names:
            self.current()[name].trace()

    def variables(self) -> list[Any]:
        """Return the variables that the graphs use."""
        return [variable for step in self.current().values() for variable in step.variables()]

    def save(self, name: str, known: set[int], arrays: StateArrays) -> list[Json]:
        """Return the variables that only the graph of a step uses, as plain JSON.

        Args:
            name: of the step.
            known: the ids of the variables of TensorFlow that are saved elsewhere.
            arrays: receives their values.
        """
        return [
            save_variable(f"the variable {variable.name} of {name}_step", variable, arrays)
            for variable in self._captured(name, known)
        ]

    def restore(
        self, name: str, saved: list[Json], known: set[int], arrays: StateArrays
    ) -> list[str]:
        """Assign what ``save`` returned; return in words what could not be restored."""
        captured = self._captured(name, known)
        if len(captured) != len(saved):
            return [f"{len(saved)} variables of {name}_step, of which {len(captured)} are found"]
        reasons = [
            assign_saved(variable, saved_variable, arrays)
            for variable, saved_variable in zip(captured, saved, strict=True)
        ]
        return [reason for reason in reasons if reason]

    def unreadable_states(self) -> list[str]:
        """Return in words which graphs draw random numbers by a state that cannot be read."""
        return [
            f"the state of {operation}, by which {name}_step draws (keras.random and "
            "tf.random.Generator can be saved)"
            for name, step in self.current().items()
            for operation in step.inexact()
        ]

    def _captured(self, name: str, known: set[int]) -> list[Any]:
        """Return the variables that only the graph of a step uses, in the order of their use."""
        variables = self.current()[name].variables()
        return [variable for variable in variables if id(underlying(variable)) not in known]

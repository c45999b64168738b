"""All of a training that is not in the weights of its model, and that decides how it continues."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

# No public name: the public function makes a generator where there is none.
from tensorflow.python.ops import stateful_random_ops

from sweep.training.callback_hooks import hears_validation, is_monitoring
from sweep.training.state import model_variables, restoring
from sweep.training.state.changes import capture_changes
from sweep.training.state.model_settings import ModelSettings, trainable_flags
from sweep.training.state.object_graph import Graph
from sweep.training.state.ownership import user_modules
from sweep.training.state.packing import Json, StateArrays, pack, unpack
from sweep.training.state.random_state import (
    global_seed,
    older_random_states,
    random_states,
    set_random_states,
)
from sweep.training.state.traced_steps import TracedSteps
from sweep.training.state.variables import underlying


@dataclass(frozen=True)
class BeforeValidation:
    """The state before a validation: the values of variables, and the random states.

    ``python`` is the whole state beside the weights, if a validation may change what Python holds,
    else None.
    """

    variables: list[tuple[Any, Any]]
    random: Any
    python: tuple[Json, StateArrays] | None


class TrainingState:
    """The state of a training beside its weights.

    It is made once ``sweep.training.steps`` has taken over, before any callback is called: what is
    saved later is what has changed since.

    Args:
        model: built and compiled.
        callbacks: of the search space.
        data: what the training and its validation get their batches from, if that may have a state
            of its own, else None.
    """

    def __init__(
        self, model: keras.Model, callbacks: list[keras.callbacks.Callback], data: tuple[Any, ...]
    ) -> None:
        self._model, self._callbacks = model, callbacks
        self._data = {
            f"load_data()[{number}]": part for number, part in enumerate(data) if part is not None
        }
        self._left_out = model_variables.variables_left_out(model)
        self._steps = TracedSteps(model)
        self._built, self._settings = self._graph(), ModelSettings(model)
        self._first_steps, self._were_made_anew = self._steps.current(), False
        self._validation_is_heard = any(map(hears_validation, callbacks))
        self._at_epoch, self._are_drawn_ahead = random_states(), False
        self._variables: tuple[Any, list[Any]] = None, []
        self._phase_start: tuple[Json, StateArrays] | None = None
        self._by_callbacks: Json = {}

    def end_phase(self) -> None:
        """Note what callbacks have compiled so far: to prepare the model again does not do that."""
        start, _ = self._phase_start or ({}, {})
        before, changes = start.get("compiled", {}), self._settings.capture(self._built)
        self._by_callbacks = changes if "compile" in changes else {**before, **changes}
        self._settings = ModelSettings(self._model)

    def begin_phase(self) -> None:
        """Note the state in which a phase begins, for which the model was prepared just now.

        Its graphs are made with what Python holds now: a resume, which prepares the model as it was
        built, must bring it into this state before it makes them.
        """
        arrays: StateArrays = {}
        objects, _ = capture_changes(self._graph(), self._built, arrays)
        compiled = {} if "compile" in self._settings.capture(self._built) else self._by_callbacks
        start = {"hidden": objects, "trainable": trainable_flags(self._model), "compiled": compiled}
        self._begin_phase({**start, "arrays": len(arrays)}, arrays)

    def _begin_phase(self, start: Json, arrays: StateArrays) -> None:
        self._phase_start = start, arrays
        self._settings = ModelSettings(self._model)
        self._left_out = model_variables.variables_left_out(self._model)
        self._first_steps, self._were_made_anew = self._steps.current(), False

    def variables(self) -> list[Any]:
        """Return all variables of TensorFlow that the training reaches."""
        model = self._model
        counts = len(model.variables), len(model_variables.optimizer_variables(model))
        built = model.optimizer, *counts
        if self._variables[0] != built:  # to look for them takes longer than some epochs
            nodes = self._graph().nodes.values()
            reached = [node.thing for node in nodes if node.kind == "variable"]
            every = map(underlying, [*reached, *self._known(), *self._steps.variables()])
            self._variables = built, list({id(variable): variable for variable in every}.values())
        return self._variables[1]

    def begin_epoch(self) -> None:
        """Note the random states with which the batches of an epoch begin."""
        self._at_epoch = random_states()

    def begin_epoch_again(self, state: Json, arrays: StateArrays) -> None:
        """Set the random states with which the epoch began the first time."""
        if "at_epoch" in state:
            set_random_states(unpack(state["at_epoch"], arrays))
        self.begin_epoch()

    def note_what_was_drawn(self) -> None:
        """Note whether batches that are made ahead draw from the generators of this process.

        The generators are then where they must be, as far as anybody can tell.
        """
        self._are_drawn_ahead = self._model.train_function.reads_ahead and (
            repr(random_states()) != repr(self._at_epoch)
        )

    def before_validation(self) -> BeforeValidation:
        """Return the present state, to which ``rewind`` can return as long as nobody trains."""
        test = self._model.test_function
        touched = [] if self._validation_is_heard else test.variables()
        graph = None if touched else self._graph()
        variables = (
            [*self._known(), *(node.thing for node in graph.variables())] if graph else touched
        )
        # To read is not to copy: TensorFlow copies once a variable whose value is held is assigned.
        values = [(variable, variable.value()) for variable in map(underlying, variables)]
        python = self.capture(graph) if self._validation_is_heard or test.calls_python() else None
        return BeforeValidation(values, random_states(), python)

    def rewind(self, before: BeforeValidation) -> None:
        """Return to the state before a validation."""
        for variable, value in before.variables:
            variable.assign(value)
        set_random_states(before.random)

    def digest(self) -> str:
        """Return a digest of the weights."""
        return model_variables.weights_digest(self._model)

    def capture(self, graph: Graph | None = None) -> tuple[Json, StateArrays]:
        """Return the present state as plain JSON, and the arrays that it refers to.

        What it cannot hold stands under ``left_out``, in words.

        Args:
            graph: the present objects, where they are known already.
        """
        start, arrays = self._phase_start or ({}, {})
        arrays = dict(arrays)
        graph = graph or self._graph()
        objects, left_out = capture_changes(graph, self._built, arrays)
        beside_weights = model_variables.variables_beside_weights(self._model)
        state = {
            "variables": _pack_values(beside_weights, arrays),
            "global_seed": _pack_values(global_seed(), arrays),
            "hidden": objects,
            "traced": {
                name: self._steps.save(name, self._saved_elsewhere(graph), arrays)
                for name in self._steps.traced()
            },
            "structure": self._settings.capture(self._built),
            "made_anew": self._were_made_anew or self._steps.current() != self._first_steps,
            "monitoring": [is_monitoring(callback) for callback in self._callbacks],
            "left_out": left_out,
            **({"phase_start": start} if start else {}),
            "random": pack(random_states(), arrays),
            "at_epoch": pack(self._at_epoch, arrays),
        }
        return state, arrays

    def prepare(self, state: Json, arrays: StateArrays) -> list[str]:
        """Bring the model into the form in which its weights can be loaded.

        The graphs are made first, as they were at the first batch: what Python decided in them is
        then the same again.

        Returns:
            In words, what could not be restored.
        """
        if "hidden" not in state:
            return []
        lost = self._return_to_phase_start(state, arrays) if "phase_start" in state else []
        self._were_made_anew = state["made_anew"]
        if "phase_start" in state and not state["made_anew"]:
            self._steps.trace(state["traced"])
        elif not state["made_anew"]:
            self._settings.undo()
            graph = self._graph()
            undone = restoring.undo(graph, self._built)
            self._steps.trace(state["traced"])
            restoring.redo(graph, undone)
        lost += self._settings.restore(state["structure"], self._built)
        self._steps.current()  # a new compile has removed them
        if not self._model.optimizer.built:
            self._model.optimizer.build(self._model.trainable_variables)
        return lost

    def _return_to_phase_start(self, state: Json, arrays: StateArrays) -> list[str]:
        """Bring what was prepared for the phase into the state in which the phase began."""
        start = state["phase_start"]
        compiled = {**start.get("compiled", {}), "trainable": start["trainable"]}
        lost = self._settings.restore(compiled, self._built)
        lost += restoring.restore(self._graph(), self._built, start["hidden"], arrays)
        self._begin_phase(start, {name: arrays[name] for name in map(str, range(start["arrays"]))})
        return lost

    def load_weights(self, path: Path) -> list[str]:
        """Let Keras load the weights of a backup, and return what it warns that it skips."""
        return model_variables.load_weights(self._model, path, bool(self._left_out))

    def restore(self, state: Json, arrays: StateArrays) -> list[str]:
        """Restore a captured state, once the weights are loaded.

        Returns:
            In words, what could not be restored.

        Raises:
            ValueError: the model or the callbacks are not those of the capture.
        """
        for callback, was_monitoring in zip(self._callbacks, state["monitoring"], strict=True):
            if was_monitoring and not is_monitoring(callback):
                # Else Keras does so later, and turns min_delta around again.
                callback._set_monitor_op()  # noqa: SLF001
        restore = self._restore_hidden if "hidden" in state else self._restore_attributes
        lost = restore(state, arrays)
        seeds = state.get("global_seed", state["variables"][-1:])  # where older versions kept it
        own = state["variables"] if "global_seed" in state else state["variables"][:-1]
        beside_weights = model_variables.variables_beside_weights(self._model)
        variables = [*beside_weights, *global_seed(bool(seeds))]
        for variable, packed in zip(variables, [*own, *seeds], strict=True):
            variable.assign(unpack(packed, arrays))
        if not self._are_drawn_ahead:
            packed = state["random"] if "random" in state else older_random_states(state)
            set_random_states(unpack(packed, arrays))
        return [*lost, *state["left_out"], *self._steps.unreadable_states()]

    def _restore_hidden(self, state: Json, arrays: StateArrays) -> list[str]:
        lost: list[str] = []
        if state["made_anew"]:  # a callback had the graphs made again, by what it had set
            restoring.restore(self._graph(), self._built, state["hidden"], arrays)
            self._steps.trace(state["traced"])
        restoring.build_optimizers(self._graph(), state["hidden"])
        lost += restoring.restore(self._graph(), self._built, state["hidden"], arrays)
        for name, saved in state["traced"].items():
            known = self._saved_elsewhere(self._graph())
            lost += self._steps.restore(name, saved, known, arrays)
        return lost

    def _restore_attributes(self, state: Json, arrays: StateArrays) -> list[str]:
        """Restore what backups of older versions hold: the plain attributes of callbacks."""
        for callback, attributes in zip(self._callbacks, state["callbacks"], strict=True):
            vars(callback).update(
                {name: unpack(value, arrays) for name, value in attributes.items()}
            )
        return []

    def _graph(self) -> Graph:
        roots: dict[str, Any] = {
            "model": self._model,
            "tf.random's global generator": stateful_random_ops.global_generator,
        }
        for number, callback in enumerate(self._callbacks):
            kind = type(callback).__name__
            roots[kind if kind not in roots else f"{kind} {number}"] = callback
        modules = {
            name.removeprefix("search_spaces."): module for name, module in user_modules().items()
        }
        return Graph({**roots, **self._data, **modules}, self._known())

    def _known(self) -> list[Any]:
        """Return the variables that Keras saves with the weights, or that are saved by order."""
        model, left_out = self._model, {id(variable) for variable in self._left_out}
        return [
            *(weight for weight in model.weights if id(weight) not in left_out),
            *model_variables.variables_beside_weights(model),
            *global_seed(),
            *model_variables.optimizer_variables(model),
        ]

    def _saved_elsewhere(self, graph: Graph) -> set[int]:
        """Return the ids of all saved variables but those that only a traced step uses."""
        variables = [*self._known(), *(node.thing for node in graph.variables())]
        return {id(underlying(variable)) for variable in variables}


def _pack_values(variables: list[Any], arrays: StateArrays) -> list[Any]:
    return [pack(np.asarray(variable), arrays) for variable in variables]

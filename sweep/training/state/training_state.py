"""All of a training that is not in the weights of its model: what else decides how it continues.

Plain values go into JSON; arrays go beside the weights, into the group ``sweep`` of the same HDF5 file, which Keras
passes over when it loads the weights.
"""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

# No public names: layers without a seed draw from it.
from tensorflow.python.ops import (
    stateful_random_ops as generators,
)  # the public function makes a generator where none is

from sweep.training import hdf5
from sweep.training.callback_hooks import hears_validation
from sweep.training.state import hidden_state
from sweep.training.state.model_settings import ModelSettings, layers_of
from sweep.training.state.object_graph import Graph, underlying
from sweep.training.state.ownership import user_modules
from sweep.training.state.packing import StateArrays, pack, unpack
from sweep.training.state.random_state import (
    global_seed,
    older_random_states,
    random_states,
    set_random_states,
)

DIGEST_BYTES, DIGEST_ITEM_BYTES, DIGEST_VARIABLES = (
    2**20,
    4,
    50,
)  # a sign of life has one twice a second, at no cost that can be seen

Plain = dict[str, Any]


@dataclass(frozen=True)
class BeforeValidation:
    """The state before a validation: the values of variables, and the random states.

    ``python`` is the whole state beside the weights, where a validation may change what Python holds; else None.
    """

    variables: list[tuple[Any, Any]]
    random: Any
    python: tuple[Plain, StateArrays] | None


class TrainingState:
    """The state of a training beside its weights.

    It is made once the model is built and ``sweep.training.steps`` has taken over, before any callback has been called: what is saved
    later is what has changed since.

    Args:
        model: built and compiled.
        callbacks: of the search space.
        data: what it is trained on and validated with, where that may hold state of its own.
    """

    def __init__(
        self, model: keras.Model, callbacks: list[keras.callbacks.Callback], data: tuple[Any, ...]
    ) -> None:
        self._model, self._callbacks = model, callbacks
        self._data = {
            f"load_data()[{number}]": part for number, part in enumerate(data) if part is not None
        }
        self._unkept = [variable for layer in layers_of(model) for variable in _unkept(layer)]
        self._built, self._structure = self._graph(), ModelSettings(model)
        self._first_steps, self._were_made_anew = self._steps(), False
        self._validation_is_heard = any(map(hears_validation, callbacks))
        self._at_epoch, self._are_drawn_ahead = random_states(), False
        self._variables: tuple[Any, list[Any]] = None, []

    def variables(self) -> list[Any]:
        """Return all variables that are found, of TensorFlow."""
        of_optimizer = self._model.optimizer.variables if self._model.optimizer else ()
        built = self._model.optimizer, len(self._model.variables), len(of_optimizer)
        if self._variables[0] != built:  # to look for them takes longer than some epochs
            found = [node.thing for node in self._graph().nodes.values() if node.kind == "variable"]
            traced = [
                variable for steps in self._steps().values() for variable in steps.variables()
            ]
            every = {id(one): one for one in map(underlying, [*found, *self._known(), *traced])}
            self._variables = built, list(every.values())
        return self._variables[1]

    def begin_epoch(self) -> None:
        """Note the random states with which the batches of an epoch are begun."""
        self._at_epoch = random_states()

    def begin_epoch_again(self, plain: Plain, arrays: StateArrays) -> None:
        """Put back the random states with which the epoch was begun the first time."""
        if "at_epoch" in plain:
            set_random_states(unpack(plain["at_epoch"], arrays))
        self.begin_epoch()

    def note_what_was_drawn(self) -> None:
        """Look whether batches that are made ahead draw from the generators of this process: those are then where they are
        to be, as far as anybody can say."""
        self._are_drawn_ahead = self._model.train_function.reads_ahead and _differ(
            random_states(), self._at_epoch
        )

    def before_validation(self) -> BeforeValidation:
        """Return the state of now, to which ``rewind`` can go back as long as nobody trains."""
        test = self._model.test_function
        touched = [] if self._validation_is_heard else test.variables()
        graph = None if touched else self._graph()
        variables = (
            [*self._known(), *(node.thing for node in graph.variables())] if graph else touched
        )
        # To read is not to copy: TensorFlow copies once somebody assigns to a variable whose value is held.
        values = [(variable, variable.value()) for variable in map(underlying, variables)]
        python = self.capture(graph) if self._validation_is_heard or test.calls_python() else None
        return BeforeValidation(values, random_states(), python)

    def rewind(self, before: BeforeValidation) -> None:
        """Go back to before a validation."""
        for variable, value in before.variables:
            variable.assign(value)
        set_random_states(before.random)

    def digest(self) -> str:
        """Return a digest of some variables of the model and its optimizer, which together are small.

        A difference in any weight is one in all of them a batch later.
        """
        digest, left = hashlib.sha256(), DIGEST_BYTES
        of_optimizer = self._model.optimizer.variables if self._model.optimizer else ()
        variables = [*self._model.trainable_variables, *of_optimizer]
        for variable in variables[:: 1 + len(variables) // DIGEST_VARIABLES]:
            size = int(np.prod(variable.shape)) * DIGEST_ITEM_BYTES
            if size <= left:
                left -= size
                digest.update(np.ascontiguousarray(variable).tobytes())
        return digest.hexdigest()[:16]

    def capture(self, graph: Graph | None = None) -> tuple[Plain, StateArrays]:
        """Return the state of now as plain JSON, and the arrays that it names.

        What it cannot hold stands under ``left_out``, in words. ``graph`` is that of now, where there is one already.
        """
        arrays: StateArrays = {}
        graph = graph or self._graph()
        objects, left_out = hidden_state.capture(graph, self._built, arrays)
        plain = {
            "variables": [
                pack(np.asarray(variable), arrays) for variable in _variables(self._model)
            ],
            "global_seed": [pack(np.asarray(variable), arrays) for variable in global_seed()],
            "hidden": objects,
            "traced": {
                name: self._save_captured(name, graph, arrays)
                for name, steps in self._steps().items()
                if steps.is_traced
            },
            "structure": self._structure.capture(self._built),
            "made_anew": self._were_made_anew or self._steps() != self._first_steps,
            "monitoring": [_is_monitoring(callback) for callback in self._callbacks],
            "left_out": left_out,
            "random": pack(random_states(), arrays),
            "at_epoch": pack(self._at_epoch, arrays),
        }
        return plain, arrays

    def prepare(self, plain: Plain) -> list[str]:
        """Bring the model into the form in which its weights can be loaded; return in words what could not be.

        The graphs are made first, as they were at the first batch: what Python decided in them is then the same again.
        """
        if "hidden" not in plain:
            return []
        self._were_made_anew = plain["made_anew"]
        if not plain["made_anew"]:
            self._structure.undo()
            graph = self._graph()
            undone = hidden_state.undo(graph, self._built)
            self._trace(plain)
            hidden_state.redo(graph, undone)
        lost = self._structure.restore(plain["structure"], self._built)
        self._steps()
        if not self._model.optimizer.built:
            self._model.optimizer.build(self._model.trainable_variables)
        return lost

    def restore(self, plain: Plain, arrays: StateArrays) -> list[str]:
        """Put a captured state back, once the weights are loaded; return in words what could not be.

        Raises:
            ValueError: the model or the callbacks are not those of the capture.
        """
        for callback, monitoring in zip(self._callbacks, plain["monitoring"], strict=True):
            if monitoring and not _is_monitoring(callback):
                callback._set_monitor_op()  # noqa: SLF001 # else Keras does so later, and turns min_delta around again
        lost = (
            self._restore_hidden(plain, arrays)
            if "hidden" in plain
            else self._restore_attributes(plain, arrays)
        )
        seeds = plain.get("global_seed", plain["variables"][-1:])  # where older versions kept it
        own = plain["variables"] if "global_seed" in plain else plain["variables"][:-1]
        for variable, packed in zip(
            [*_variables(self._model), *global_seed(bool(seeds))], [*own, *seeds], strict=True
        ):
            variable.assign(unpack(packed, arrays))
        if not self._are_drawn_ahead:
            set_random_states(
                unpack(plain["random"] if "random" in plain else older_random_states(plain), arrays)
            )
        return [*lost, *plain["left_out"], *self._drawn_inexactly()]

    def _drawn_inexactly(self) -> list[str]:
        """Return in words which graphs draw random numbers by a state that nobody can read."""
        return [
            f"the state of {operation}, by which {name}_step draws (keras.random and tf.random.Generator can be saved)"
            for name, steps in self._steps().items()
            for operation in steps.inexact()
        ]

    def _restore_hidden(self, plain: Plain, arrays: StateArrays) -> list[str]:
        lost: list[str] = []
        if plain["made_anew"]:  # a callback had the graphs made again, by what it had set
            hidden_state.restore(self._graph(), self._built, plain["hidden"], arrays)
            self._trace(plain)
        hidden_state.build_optimizers(self._graph(), plain["hidden"])
        lost += hidden_state.restore(self._graph(), self._built, plain["hidden"], arrays)
        for name, saved in plain["traced"].items():
            lost += self._restore_captured(name, saved, arrays)
        return lost

    def _restore_attributes(self, plain: Plain, arrays: StateArrays) -> list[str]:
        """Put back what backups of older versions hold: the plain attributes of callbacks."""
        for callback, attributes in zip(self._callbacks, plain["callbacks"], strict=True):
            vars(callback).update(
                {name: unpack(packed, arrays) for name, packed in attributes.items()}
            )
        return []

    def _graph(self) -> Graph:
        roots: dict[str, Any] = {
            "model": self._model,
            "tf.random's global generator": generators.global_generator,
        }
        for number, callback in enumerate(self._callbacks):
            kind = type(callback).__name__
            roots[kind if kind not in roots else f"{kind} {number}"] = callback
        modules = {
            name.removeprefix("search_spaces."): module for name, module in user_modules().items()
        }
        return Graph({**roots, **self._data, **modules}, self._known())

    def _known(self) -> list[Any]:
        model = self._model
        of_optimizer = model.optimizer.variables if model.optimizer else ()
        unkept = {id(variable) for variable in self._unkept}
        weights = [weight for weight in model.weights if id(weight) not in unkept]
        return [*weights, *_variables(model), *global_seed(), *of_optimizer]

    def load_weights(self, path: Path) -> list[str]:
        """Let Keras load the weights of a backup, and return what it says that it has passed over.

        Where layers leave some of their weights out, Keras can write files that it cannot load: those weights are not in its
        files alone.
        """
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with hdf5.checked(path) as weights:
                self._model.load_weights(weights, skip_mismatch=bool(self._unkept))
        said = [] if self._unkept else said
        return [
            str(warning.message) for warning in said if issubclass(warning.category, UserWarning)
        ]

    def _steps(self) -> dict[str, Any]:
        self._model.make_train_function()  # which a new compile has taken away
        self._model.make_test_function()
        return {"train": self._model.train_function, "test": self._model.test_function}

    def _trace(self, plain: Plain) -> None:
        for name in plain["traced"]:
            self._steps()[name].trace()

    def _captured(self, name: str, graph: Graph) -> list[Any]:
        """Return the variables that the graph of a step uses and that are found nowhere else, in the order of their use."""
        found = {id(underlying(variable)) for variable in self._known()}
        found |= {id(underlying(node.thing)) for node in graph.variables()}
        variables = self._steps()[name].variables()
        return [variable for variable in variables if id(underlying(variable)) not in found]

    def _save_captured(self, name: str, graph: Graph, arrays: StateArrays) -> list[Plain]:
        found = self._captured(name, graph)
        return [
            hidden_state.save_variable(f"the variable {one.name} of {name}_step", one, arrays)
            for one in found
        ]

    def _restore_captured(self, name: str, saved: list[Plain], arrays: StateArrays) -> list[str]:
        found = self._captured(name, self._graph())
        if len(found) != len(saved):
            return [f"{len(saved)} variables of {name}_step, of which {len(found)} are found"]
        return [
            why
            for variable, one in zip(found, saved, strict=True)
            if (why := hidden_state.assign(variable, one, arrays))
        ]


def _unkept(layer: keras.Layer) -> list[keras.Variable]:
    """Return all variables of a layer that does not write each of them into a file, as a subclass of Dense with one more."""
    own = [
        *layer._trainable_variables,  # noqa: SLF001 # not those of layers in it
        *layer._non_trainable_variables,  # noqa: SLF001 # not those of layers in it
    ]  # not those of layers in it
    method = type(layer).save_own_variables
    if not own or method in (keras.Layer.save_own_variables, keras.Model.save_own_variables):
        return []
    written: dict[str, Any] = {}
    layer.save_own_variables(written)
    return own if len(written) < len(own) else []


def _variables(model: keras.Model) -> list[keras.Variable]:
    """The seed states, which no file of Keras holds, and the running metrics of the epoch."""
    weights = {id(weight) for weight in model.weights}
    hidden_in_model = [variable for variable in model.variables if id(variable) not in weights]
    return [*hidden_in_model, *model.metrics_variables]


def _differ(one: Any, other: Any) -> bool:
    return repr(one) != repr(other)


def _is_monitoring(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback has made up its mind what is better; Keras's own do so at the end of their first epoch."""
    return getattr(callback, "monitor_op", None) is not None

"""What callbacks change in the model: what it is compiled with, what is trainable, its schedule."""

from collections import Counter
from types import FunctionType
from typing import Any

import keras

from sweep.training.state.model_variables import layers_of
from sweep.training.state.object_graph import Graph
from sweep.training.state.packing import Json

Schedule = keras.optimizers.schedules.LearningRateSchedule


class ModelSettings:
    """How a model was built and compiled, to be compared with how it is now.

    Args:
        model: built and compiled.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._compiled = model._compile_config  # noqa: SLF001 # a new object after each compile
        self._trainable, self._rate = trainable_flags(model), _rate(model)

    def capture(self, built: Graph) -> Json:
        """Return the settings that have changed, as plain JSON.

        Args:
            built: the objects as the search space built them: a loss among them is referred to.
        """
        changes: Json = {}
        if trainable_flags(self._model) != self._trainable:
            changes["trainable"] = trainable_flags(self._model)
        if self._model._compile_config is not self._compiled:  # noqa: SLF001
            changes["compile"] = _compile_config(self._model, built)
        elif _rate(self._model) is not self._rate and isinstance(_rate(self._model), Schedule):
            changes["learning_rate"] = keras.saving.serialize_keras_object(_rate(self._model))
        return changes

    def restore(self, changes: Json, built: Graph) -> list[str]:
        """Change the model in the same way; return in words what could not be restored."""
        lost = []
        set_trainable(self._model, changes.get("trainable", self._trainable))
        if "compile" in changes:
            lost += _compile(self._model, changes["compile"], built)
        if "learning_rate" in changes:
            with keras.saving.custom_object_scope(_custom_objects(built)):
                self._model.optimizer.learning_rate = _deserialize(changes["learning_rate"])
        return lost

    def undo(self) -> None:
        """Make trainable what was trainable when the model was built."""
        set_trainable(self._model, self._trainable)


def set_trainable(model: keras.Model, flags: list[bool]) -> None:
    """Make trainable what was, when ``trainable_flags`` returned these flags."""
    if trainable_flags(model) != flags:
        for layer, flag in zip(layers_of(model), flags, strict=True):
            layer.trainable = flag


def trainable_flags(model: keras.Model) -> list[bool]:
    """Return for each layer whether it is trainable; a layer comes before those in it."""
    layers = layers_of(model)
    return [bool(layer._trainable) for layer in layers]  # noqa: SLF001 # not that of its parent


def _rate(model: keras.Model) -> Any:
    """Return the learning rate: a schedule, and not its value."""
    return model.optimizer._learning_rate if model.optimizer else None  # noqa: SLF001


def _compile_config(model: keras.Model, built: Graph) -> Json:
    """Return the arguments of ``compile``; a loss that the search space built is referred to."""
    config = dict(model.get_compile_config() or {})
    path = next((node.path for node in built.nodes.values() if node.thing is model.loss), None)
    return {**config, "loss": {"as built": path}} if path else config


def _compile(model: keras.Model, config: Json, built: Graph) -> list[str]:
    """Compile a model; an argument that cannot be made again stays the one that was built."""
    lost = []
    metrics = model._compile_metrics  # noqa: SLF001 # the metrics as the user gave them
    arguments = {
        "optimizer": model.optimizer,
        "loss": model.loss,
        "metrics": metrics and metrics._user_metrics,  # noqa: SLF001 # not public either
    }
    with keras.saving.custom_object_scope(_custom_objects(built)):
        for name, argument in config.items():
            try:
                arguments[name] = _argument(argument, built)
            except Exception as error:  # noqa: BLE001 # the user's may raise anything
                lost.append(f"what model.compile was given as {name} ({type(error).__name__})")
        model.compile(**arguments)
    model.optimizer.build(model.trainable_variables)
    return lost


def _argument(saved: Any, built: Graph) -> Any:
    is_built = isinstance(saved, dict) and "as built" in saved
    node = built.find(saved["as built"]) if is_built else None
    return node.thing if node else _deserialize(saved)


def _custom_objects(built: Graph) -> dict[str, Any]:
    """Return the user's classes and functions by name, without the names that several have."""
    things = [
        node.thing for node in built.nodes.values() if isinstance(node.thing, type | FunctionType)
    ]
    names = Counter(thing.__name__ for thing in things)
    return {thing.__name__: thing for thing in things if names[thing.__name__] == 1}


def _deserialize(config: Any) -> Any:
    return keras.saving.deserialize_keras_object(config, safe_mode=True)

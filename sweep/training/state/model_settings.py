"""What callbacks change in the model itself: what it is compiled with, its learning rate schedule, what is trainable."""

from collections import Counter
from types import FunctionType
from typing import Any

import keras

from sweep.training.state.object_graph import Graph

Schedule = keras.optimizers.schedules.LearningRateSchedule
Config = dict[str, Any]


class ModelSettings:
    """How a model was built and compiled, to be compared with how it is now.

    Args:
        model: built and compiled.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._compiled = model._compile_config  # noqa: SLF001 # a new object after each compile
        self._trainable, self._rate = trainable(model), _rate(model)

    def capture(self, built: Graph) -> Config:
        """Return what has changed, as plain JSON; what is not named has not.

        Args:
            built: the objects of the beginning: a loss that was there already is referred to.
        """
        changes: Config = {}
        if trainable(self._model) != self._trainable:
            changes["trainable"] = trainable(self._model)
        if self._model._compile_config is not self._compiled:  # noqa: SLF001
            changes["compile"] = _compile_config(self._model, built)
        elif _rate(self._model) is not self._rate and isinstance(_rate(self._model), Schedule):
            changes["learning_rate"] = keras.saving.serialize_keras_object(_rate(self._model))
        return changes

    def restore(self, changes: Config, built: Graph) -> list[str]:
        """Change the model in the same way, and return in words what could not be."""
        lost = []
        self._set_trainable(changes.get("trainable", self._trainable))
        if "compile" in changes:
            lost += _compile(self._model, changes["compile"], built)
        if "learning_rate" in changes:
            with keras.saving.custom_object_scope(_custom_objects(built)):
                self._model.optimizer.learning_rate = _deserialize(changes["learning_rate"])
        return lost

    def undo(self) -> None:
        """Make trainable what was so when the model was built."""
        self._set_trainable(self._trainable)

    def _set_trainable(self, flags: list[bool]) -> None:
        if trainable(self._model) != flags:
            for layer, flag in zip(layers_of(self._model), flags, strict=True):
                layer.trainable = flag


def trainable(model: keras.Model) -> list[bool]:
    """Return what is trainable, by layer; a layer comes before those in it."""
    layers = layers_of(model)
    return [bool(layer._trainable) for layer in layers]  # noqa: SLF001 # not that of its parent


def layers_of(model: keras.Model) -> list[Any]:
    """Return a model and all layers in it; a layer comes before those in it."""
    return list(model._flatten_layers(include_self=True, recursive=True))  # noqa: SLF001


def _rate(model: keras.Model) -> Any:
    return (
        model.optimizer._learning_rate if model.optimizer else None  # noqa: SLF001 # a schedule, and not its value
    )  # a schedule, and not its value


def _compile_config(model: keras.Model, built: Graph) -> Config:
    """Return what a model is compiled with; a loss that the search space built already is referred to."""
    config = dict(model.get_compile_config() or {})
    path = next((node.path for node in built.nodes.values() if node.thing is model.loss), None)
    return {**config, "loss": {"as built": path}} if path else config


def _compile(model: keras.Model, config: Config, built: Graph) -> list[str]:
    """Compile a model; in place of what cannot be made again, the part that was built is taken."""
    lost = []
    metrics = model._compile_metrics  # noqa: SLF001 # the metrics as the user gave them
    arguments = {
        "optimizer": model.optimizer,
        "loss": model.loss,
        "metrics": metrics and metrics._user_metrics,  # noqa: SLF001 # what follows is not public
    }
    with keras.saving.custom_object_scope(_custom_objects(built)):
        for name, part in config.items():
            try:
                arguments[name] = _part(part, built)
            except Exception as error:  # noqa: BLE001 # what users compile with may not be made to be saved
                lost.append(f"what model.compile was given as {name} ({type(error).__name__})")
        model.compile(**arguments)
    model.optimizer.build(model.trainable_variables)
    return lost


def _part(part: Any, built: Graph) -> Any:
    node = built.find(part["as built"]) if isinstance(part, dict) and "as built" in part else None
    return node.thing if node else _deserialize(part)


def _custom_objects(built: Graph) -> dict[str, Any]:
    """Return the user's classes and functions by name, but for names that several have."""
    things = [
        node.thing for node in built.nodes.values() if isinstance(node.thing, type | FunctionType)
    ]
    names = Counter(thing.__name__ for thing in things)
    return {thing.__name__: thing for thing in things if names[thing.__name__] == 1}


def _deserialize(config: Any) -> Any:
    return keras.saving.deserialize_keras_object(config, safe_mode=True)

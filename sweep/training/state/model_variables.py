"""Which variables of a model Keras saves with its weights, and which it leaves out."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sweep.training import hdf5

# What a digest reads: a heartbeat has one twice a second, at a cost that cannot be noticed.
DIGEST_BYTES, DIGEST_ITEM_BYTES, DIGEST_VARIABLES = 2**20, 4, 50


def layers_of(model: keras.Model) -> list[Any]:
    """Return a model and all layers in it; a layer comes before those in it."""
    return list(model._flatten_layers(include_self=True, recursive=True))  # noqa: SLF001


def optimizer_variables(model: keras.Model) -> list[Any]:
    """Return the variables of a model's optimizer; none if it has no optimizer."""
    return list(model.optimizer.variables) if model.optimizer else []


def variables_beside_weights(model: keras.Model) -> list[keras.Variable]:
    """Return the seed states, which no file of Keras holds, and the epoch's running metrics."""
    weights = {id(weight) for weight in model.weights}
    hidden_in_model = [variable for variable in model.variables if id(variable) not in weights]
    return [*hidden_in_model, *model.metrics_variables]


def variables_left_out(model: keras.Model) -> list[keras.Variable]:
    """Return all variables of the layers that do not write each of theirs into Keras's files.

    A subclass of Dense with one more variable is such a layer.
    """
    return [variable for layer in layers_of(model) for variable in _left_out_by(layer)]


def weights_digest(model: keras.Model) -> str:
    """Return a digest of some variables of a model and its optimizer, which are small together.

    A difference in any weight is a difference in all of them a batch later.
    """
    digest, bytes_left = hashlib.sha256(), DIGEST_BYTES
    variables = [*model.trainable_variables, *optimizer_variables(model)]
    for variable in variables[:: 1 + len(variables) // DIGEST_VARIABLES]:
        size = int(np.prod(variable.shape)) * DIGEST_ITEM_BYTES
        if size <= bytes_left:
            bytes_left -= size
            digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()[:16]


def load_weights(model: keras.Model, path: Path, some_are_left_out: bool) -> list[str]:
    """Let Keras load the weights of a backup, and return what it warns that it skips.

    If layers leave some of their weights out, Keras can write files that it cannot load. Then those
    weights are not in Keras's files alone, and mismatches are skipped.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with hdf5.checked(path) as weights:
            model.load_weights(weights, skip_mismatch=some_are_left_out)
    skipped = [] if some_are_left_out else caught
    return [
        str(warning.message) for warning in skipped if issubclass(warning.category, UserWarning)
    ]


def _left_out_by(layer: keras.Layer) -> list[keras.Variable]:
    # Without the variables of the layers in it.
    own = [*layer._trainable_variables, *layer._non_trainable_variables]  # noqa: SLF001
    method = type(layer).save_own_variables
    if not own or method in (keras.Layer.save_own_variables, keras.Model.save_own_variables):
        return []
    written: dict[str, Any] = {}
    layer.save_own_variables(written)
    return own if len(written) < len(own) else []

"""The model of the search space, built and checked, and the size of its files."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace
from sweep.training import steps
from sweep.training.data.batch_source import BatchSource
from sweep.training.phase_preparation import apply
from sweep.training.protocol import Sized

HDF5_BYTES = 40_000  # about what a file of weights takes beside the weights


def build_model(
    space: SearchSpace, parameters: dict[str, Any], validation: BatchSource
) -> tuple[keras.Model, dict[str, Any]]:
    """Build the model and its metrics, by testing it on a batch of the validation.

    Returns:
        The model, and what its test step logs.

    Raises:
        SearchSpaceWrong: it is no compiled model, or it is one for several devices.
    """
    path = space.source.path
    model = space.build_model(parameters)
    if not isinstance(model, keras.Model):
        raise SearchSpaceWrong(
            f"{path}: build_model returns a {type(model).__name__}; return a keras.Model."
        )
    apply(space.phases_of(parameters)[0], model, parameters)
    if not model.compiled:
        raise SearchSpaceWrong(
            f"{path}: build_model returns a model that is not compiled; call model.compile(…)."
        )
    if model.distribute_strategy is not tf.distribute.get_strategy():
        raise SearchSpaceWrong(
            f"{path}: build_model uses a tf.distribute strategy; "
            "each training has one device: leave it out."
        )
    _check_functions(model, path)
    metrics = steps.build(model, validation)
    # Its layers are built now. Keras writes no weights of a model that is never called as a whole,
    # unless this says that it is built.
    model.built = True
    return model, metrics


def _check_functions(model: keras.Model, path: Path) -> None:
    for name in ("make_train_function", "make_test_function"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            step = f"{name.split('_')[1]}_step"
            raise SearchSpaceWrong(
                f"{path}: its model has a {name} of its own, which is not called; change {step}."
            )


def count_params(model: keras.Model) -> int:
    """Return the number of weights, also of a model that was never called as a whole."""
    return sum(int(np.prod(weight.shape)) for weight in model.weights)


def disk_size(model: keras.Model) -> Sized:
    """Return the bytes that the files of this model take on the disk.

    At rest these are two backups and the best model; a training writes one more of each.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = {
        id(variable): variable for variable in [*model.variables, *model.optimizer.variables]
    }
    file_bytes = HDF5_BYTES + sum(_bytes_of(variable) for variable in variables.values())
    return Sized(training=5 * file_bytes, ended=3 * file_bytes, best=file_bytes)


def _bytes_of(variable: keras.Variable) -> int:
    size: int = math.prod(variable.shape) * tf.as_dtype(variable.dtype).size
    return size

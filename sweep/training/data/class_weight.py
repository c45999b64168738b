"""Weights by class, as ``Model.fit(class_weight=…)`` takes them, for batches of any source."""

import math
from typing import Any

import keras
import tensorflow as tf

from sweep.space.identity import python_value
from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace
from sweep.training.steps import Weigh

MOST_CLASSES = 10**6


def weigh_by_class(space: SearchSpace, parameters: dict[str, Any], spec: Any) -> Weigh | None:
    """Return a function that gives a batch its weights by class, or None if there are none.

    As in Keras, the class is ``y`` itself, or its greatest column, and a class that is not named
    weighs 1. Keras refuses sample weights beside class weights; here they are multiplied.

    Args:
        space: with the ``class_weight`` that is called.
        parameters: of the training.
        spec: of the batches.

    Raises:
        SearchSpaceWrong: it returns no such weights, or there are no classes to weigh.
    """
    weights = _plain(space.class_weight(parameters))
    if weights is None:
        return None
    _check(weights, spec[1], space)
    class_numbers = range(max(weights, default=-1) + 1)
    # The last one is the weight of all classes that are not named.
    by_number = [weights.get(number, 1.0) for number in class_numbers]
    table = tf.constant([*by_number, 1.0], keras.backend.floatx())
    others = tf.size(table) - 1

    def weigh(batch: Any) -> Any:
        x, y, *sample_weights = batch
        classes = _classes(y)
        by_class = tf.gather(table, tf.where((classes < 0) | (classes > others), others, classes))
        for weight in sample_weights:
            by_class *= tf.reshape(tf.cast(weight, by_class.dtype), tf.shape(by_class))
        return x, y, by_class

    return weigh


def _check(weights: Any, y: Any, space: SearchSpace) -> None:
    path = space.source.path
    if not isinstance(weights, dict) or not all(_is_weight(*item) for item in weights.items()):
        raise SearchSpaceWrong(
            f"{path}: class_weight returns {weights!r}; return a dict of numbers by class, "
            "{0: 1.0, 1: 5.0}; a list or an array becomes one by dict(enumerate(…))."
        )
    is_tensor = isinstance(y, tf.TensorSpec)
    if not is_tensor or not (y.dtype.is_integer or y.dtype.is_floating):
        raise SearchSpaceWrong(
            f"{path}: class_weight needs one output, y of numbers; leave it out, or give sample "
            "weights."
        )


def _plain(weights: Any) -> Any:
    """Return weights with NumPy's scalars as Python's, and classes as integers: 1 for 1.0."""
    weights = python_value(weights)
    if not isinstance(weights, dict):
        return weights
    return {
        int(name) if isinstance(name, float) and name.is_integer() else name: weight
        for name, weight in weights.items()
    }


def _is_weight(name: object, weight: object) -> bool:
    is_class = isinstance(name, int) and not isinstance(name, bool) and 0 <= name < MOST_CLASSES
    return is_class and isinstance(weight, int | float) and 0 <= weight < math.inf


def _classes(y: tf.Tensor) -> tf.Tensor:
    """Return the class of each sample: ``y`` itself, or its greatest column."""
    if y.shape.rank == 1:
        return tf.cast(tf.round(y), tf.int32)
    if y.shape[-1] == 1:
        return tf.cast(tf.round(tf.squeeze(y, axis=-1)), tf.int32)
    return tf.argmax(y, axis=-1, output_type=tf.int32)

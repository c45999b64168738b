"""Weights by class, as ``Model.fit(class_weight=…)`` takes them, for batches of any source."""

import math
from typing import Any

import keras
import tensorflow as tf

from sweep.space.mistakes import SearchSpaceWrong
from sweep.space.search_space import SearchSpace
from sweep.training.steps import Weigh

MOST_CLASSES = 10**6


def weigh_by_class(space: SearchSpace, parameters: dict[str, Any], spec: Any) -> Weigh | None:
    """Return what gives a batch its weights by class; None where the search space has none.

    As in Keras, the class is ``y`` itself, or its greatest column, and a class that is not named weighs 1. Weights of the
    samples, beside which Keras takes none by class, are multiplied by them.

    Args:
        space: with the ``class_weight`` that is called.
        parameters: of the training.
        spec: of the batches.

    Raises:
        SearchSpaceWrong: it returns no such weights, or there are no classes to weigh.
    """
    found, path = space.class_weight(parameters), space.source.path
    if found is None:
        return None
    if not isinstance(found, dict) or not all(_is_weight(*item) for item in found.items()):
        raise SearchSpaceWrong(
            f"{path}: class_weight returns {found!r}; return a dict of numbers by class, {{0: 1.0, 1: 5.0}}."
        )
    if not isinstance(spec[1], tf.TensorSpec) or not (
        spec[1].dtype.is_integer or spec[1].dtype.is_floating
    ):
        raise SearchSpaceWrong(
            f"{path}: class_weight needs one output, y of numbers; leave it out, or give sample weights."
        )
    # Last, the weight of what is not named.
    table = tf.constant(
        [*(found.get(one, 1.0) for one in range(max(found, default=-1) + 1)), 1.0],
        keras.backend.floatx(),
    )
    others = tf.size(table) - 1

    def weigh(batch: Any) -> Any:
        x, y, *weights = batch
        classes = _classes(y)
        by_class = tf.gather(table, tf.where((classes < 0) | (classes > others), others, classes))
        for weight in weights:
            by_class *= tf.reshape(tf.cast(weight, by_class.dtype), tf.shape(by_class))
        return x, y, by_class

    return weigh


def _is_weight(name: object, weight: object) -> bool:
    is_class = isinstance(name, int) and not isinstance(name, bool) and 0 <= name < MOST_CLASSES
    return is_class and isinstance(weight, int | float) and 0 <= weight < math.inf


def _classes(y: tf.Tensor) -> tf.Tensor:
    if y.shape.rank == 1:
        return tf.cast(tf.round(y), tf.int32)
    if y.shape[-1] == 1:
        return tf.cast(tf.round(tf.squeeze(y, axis=-1)), tf.int32)
    return tf.argmax(y, axis=-1, output_type=tf.int32)

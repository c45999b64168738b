"""Arrays as batches, in an order that (seed, epoch) decides: any batch can be found again."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.data.arrays import Arrays

LARGE_BYTES = 32 * 2**20


class ArrayBatches:
    """Arrays as batches, the same ones however often the training is interrupted.

    Args:
        arrays: (x, y) or (x, y, sample_weight), arrays of n samples each, along the first axis.
        batch_size: samples a batch. The last batch may be smaller.
        seed: any integer. The order of an epoch is
            ``tf.random.experimental.stateless_shuffle(range(n), seed=[seed, epoch])``, which
            TensorFlow promises to keep.
        shuffle: False keeps the order of the arrays, for validation.
    """

    kind = "arrays"
    in_graph = True
    reads_ahead = False
    made_of = None

    def __init__(
        self, arrays: tuple[Arrays, ...], batch_size: int, seed: int, shuffle: bool = True
    ) -> None:
        self._samples = len(keras.tree.flatten(arrays)[0])
        self._size, self._seed, self._shuffle = batch_size, seed, shuffle
        self.count = -(-self._samples // batch_size)
        self.numbers = tf.data.Dataset.range(self.count)
        with tf.device("CPU:0"):
            self._data = keras.tree.map_structure(_tensor_or_large_array, arrays)
            self._order = tf.Variable(tf.range(self._samples, dtype=tf.int64), trainable=False)

    def begin(self, epoch: int, batch: int = 0) -> None:
        """Put the batches into the order of ``epoch``; any of them may be the next."""
        if self._shuffle:
            order = tf.range(self._samples, dtype=tf.int64)
            seed = tf.constant([self._seed, epoch], dtype=tf.int64)
            self._order.assign(tf.random.experimental.stateless_shuffle(order, seed))

    def batch(self, number: tf.Tensor) -> Any:
        """Return the batch of that number, from 0, in any order."""
        with tf.device("CPU:0"):
            samples = self._order[number * self._size : (number + 1) * self._size]
            return keras.tree.map_structure(lambda array: _gather(array, samples), self._data)

    def end(self) -> None:
        """Do nothing."""

    def first(self) -> Any:
        """Return the first batch."""
        return self.batch(tf.constant(0, tf.int64))

    def spec(self) -> Any:
        """Return what ``batch`` returns, as ``tf.TensorSpec``, for any number of samples."""
        return keras.tree.map_structure(_spec, self._data)

    def compared(self) -> None:
        """Return None: arrays are compared when they are loaded."""

    def why_approximate(self) -> None:
        """Return None: (seed, epoch) decides the batches."""


def _tensor_or_large_array(array: np.ndarray) -> Any:
    """Return a tensor, or a large array as it is.

    TensorFlow would copy a large array, and processes may share it.
    """
    if array.nbytes > LARGE_BYTES and array.dtype.kind in "biufc":
        return array
    return tf.convert_to_tensor(array)


def _gather(array: Any, samples: tf.Tensor) -> tf.Tensor:
    if isinstance(array, tf.Tensor):
        return tf.gather(array, samples)
    part = tf.numpy_function(lambda numbers: array[numbers], [samples], array.dtype)
    return tf.ensure_shape(part, _spec(array).shape)


def _spec(array: Any) -> tf.TensorSpec:
    return tf.TensorSpec([None, *array.shape[1:]], array.dtype)

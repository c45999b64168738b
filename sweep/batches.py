"""The training data in an order that (seed, epoch) decides, so that any batch of any epoch can be found again."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.errors import SweepError

# One array, or a dict, list or tuple of them: what ``Model.fit`` takes.
Arrays = Any


class DataWrong(SweepError):
    """``load_data`` returned what cannot be trained on."""


class Batches:
    """Arrays as batches, the same batches however often the training was cut.

    ``numbers`` is a ``tf.data.Dataset`` of the numbers of an epoch's batches: it is what ``Model.fit`` iterates over, while
    the batches themselves are gathered where they are trained.

    Args:
        x: arrays of n samples each, along the first axis.
        y: likewise.
        batch_size: samples a batch. The last batch may be smaller.
        seed: any integer. The order of an epoch is
            ``tf.random.experimental.stateless_shuffle(range(n), seed=[seed, epoch])``, which TensorFlow promises to keep.
        shuffle: False keeps the order of the arrays, for validation.
    """

    def __init__(self, x: Arrays, y: Arrays, batch_size: int, seed: int, shuffle: bool = True) -> None:
        self._samples = len(keras.tree.flatten(x)[0])
        self._size, self._seed, self._shuffle = batch_size, seed, shuffle
        self.count = -(-self._samples // batch_size)
        self.numbers = tf.data.Dataset.range(self.count)
        with tf.device("CPU:0"):
            self._data = keras.tree.map_structure(_tensor, (x, y))
            self._order = tf.Variable(tf.range(self._samples, dtype=tf.int64), trainable=False)

    def begin(self, epoch: int) -> None:
        """Put the batches into the order of ``epoch``."""
        if self._shuffle:
            order = tf.range(self._samples, dtype=tf.int64)
            seed = tf.constant([self._seed, epoch], dtype=tf.int64)
            self._order.assign(tf.random.experimental.stateless_shuffle(order, seed))

    def batch(self, number: tf.Tensor) -> Any:
        """Return the batch (x, y) of that number, from 0; inside a ``tf.function`` too."""
        with tf.device("CPU:0"):
            samples = self._order[number * self._size : (number + 1) * self._size]
            return keras.tree.map_structure(lambda tensor: tf.gather(tensor, samples), self._data)

    def spec(self) -> Any:
        """Return what ``batch`` returns, as ``tf.TensorSpec``; the number of samples is left open."""
        return keras.tree.map_structure(lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), self._data)


def check_data(data: Any) -> tuple[tuple[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return what ``load_data`` returned, as NumPy arrays, once it is fit for training.

    Raises:
        DataWrong: it is not two pairs of arrays, a pair is of unequal lengths or empty, or holds NaN or infinity.
    """
    try:
        (x_train, y_train), (x_val, y_val) = data
    except (TypeError, ValueError):
        raise DataWrong("load_data must return (x_train, y_train), (x_val, y_val)") from None
    parts = {"x_train": x_train, "y_train": y_train, "x_val": x_val, "y_val": y_val}
    for name, arrays in parts.items():
        parts[name] = _as_arrays(name, arrays)
        _check_arrays(name, keras.tree.flatten(parts[name]))
    for kind in ("train", "val"):
        x, y = (len(keras.tree.flatten(parts[f"{axis}_{kind}"])[0]) for axis in "xy")
        if x != y:
            raise DataWrong(f"load_data gives {x} samples in x_{kind} but {y} in y_{kind}; make them equal")
    return (parts["x_train"], parts["y_train"]), (parts["x_val"], parts["y_val"])


def _as_arrays(name: str, arrays: Any) -> Arrays:
    """Return one array, or a structure of arrays; a list of numbers is an array."""
    leaves = keras.tree.flatten(arrays)
    if not leaves:
        raise DataWrong(f"load_data gives no samples in {name}")
    try:
        one = any(np.ndim(leaf) == 0 for leaf in leaves)
        return np.asarray(arrays) if one else keras.tree.map_structure(np.asarray, arrays)
    except ValueError as error:
        raise DataWrong(f"load_data gives {name} that is no array ({error}); return arrays of numbers or strings") from error


def _check_arrays(name: str, arrays: list[np.ndarray]) -> None:
    for array in arrays:
        if array.dtype.kind not in "biufcSU" and not all(isinstance(item, str | bytes) for item in array.flat):
            raise DataWrong(f"load_data gives {name} of type {array.dtype}; return arrays of numbers or strings")
        if array.ndim == 0 or len(array) == 0:
            raise DataWrong(f"load_data gives no samples in {name}")
        if len(array) != len(arrays[0]):
            raise DataWrong(f"load_data gives arrays of {len(arrays[0])} and {len(array)} samples in {name}")
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            raise DataWrong(f"load_data gives NaN or infinity in {name}; drop or fill them")


def _tensor(array: np.ndarray) -> tf.Tensor:
    """Floats become Keras's float type, as ``fit`` itself would make of arrays."""
    return tf.convert_to_tensor(array.astype(keras.backend.floatx()) if array.dtype.kind == "f" else array)

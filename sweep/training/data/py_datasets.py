"""Batches of a ``keras.utils.PyDataset``."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from sweep.training.data.as_array import DataWrong, as_array
from sweep.training.data.streams import Stream, check_first_batch, for_any_number_of_samples
from sweep.training.state.random_state import drawing_again

PROBED = 2  # batches, whose common shape is taken for that of all, as Keras does


class PyDatasetBatches(Stream):
    """A ``keras.utils.PyDataset``, whose batches are taken in order and in this thread.

    What they draw from ``random`` and ``numpy.random`` is then in every backup.

    Args:
        dataset: its ``workers`` and ``use_multiprocessing`` are not used.
        name: what it is called in a sentence.
    """

    kind = "PyDataset"

    def __init__(self, dataset: keras.utils.PyDataset, name: str) -> None:
        self._dataset, self._name = dataset, name
        count = dataset.num_batches
        if not count:
            lack = "no end" if count is None else "no batches"
            raise DataWrong(f"{name} has {lack}; give it a __len__, in batches")
        self._probed = range(min(PROBED, count))
        batches = [self._take(number) for number in self._probed]
        for batch in batches:
            check_first_batch(batch, name)
        super().__init__(dataset, count, batches[0], tf.nest.map_structure(_common_spec, *batches))

    def begin(self, epoch: int, batch: int = 0) -> None:
        """Call ``on_epoch_begin``."""
        self._dataset.on_epoch_begin()

    def batch(self, number: Any) -> Any:
        """Return the batch of that number.

        Raises:
            DataWrong: its shape or type is not that of the first batches.
        """
        batch, specs = self._take(number), tf.nest.flatten(self._spec)
        parts = tf.nest.flatten(batch)
        if len(parts) != len(specs) or not all(map(tf.TensorSpec.is_compatible_with, specs, parts)):
            raise DataWrong(
                f"{self._name} gives {_shapes(parts)} in batch {number}, where the first have "
                f"{_shapes(specs)}; make them alike"
            )
        return batch

    def end(self) -> None:
        """Call ``on_epoch_end``."""
        self._dataset.on_epoch_end()

    def why_approximate(self) -> str | None:
        """Return the reason if the first batches are others the second time."""
        if self.compared() is not None:
            return None
        return (
            "its PyDataset gave other batches when it was asked a second time: draw from random or "
            "numpy.random only"
        )

    def _first_batches(self) -> list[Any]:
        with drawing_again():
            return list(map(self._take, self._probed))

    def _take(self, number: int) -> Any:
        batch = self._dataset[number]
        if not isinstance(batch, tuple | list):
            return batch
        return tuple(
            keras.tree.map_structure(lambda leaf: tf.convert_to_tensor(as_array(leaf)), part)
            for part in batch
        )


def _common_spec(*tensors: tf.Tensor) -> tf.TensorSpec:
    shape = tensors[0].shape
    for tensor in tensors[1:]:
        shape = shape.most_specific_compatible_shape(tensor.shape)
    return for_any_number_of_samples(tf.TensorSpec(shape, tensors[0].dtype))


def _shapes(tensors: Iterable[Any]) -> str:
    return ", ".join(f"{tensor.dtype.name} {tensor.shape}" for tensor in tensors)

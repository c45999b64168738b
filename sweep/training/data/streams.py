"""What all streams of batches have in common, and the check of a first batch."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.data.arrays import SEED, check_part
from sweep.training.data.as_array import DataWrong


class Stream:
    """Batches that Python takes one after another; see ``BatchSource``.

    Args:
        made_of: what the user gave, which may have a state of its own.
        count: the batches of an epoch.
        first: the first batch.
        spec: what all batches have in common, for any number of samples.
    """

    in_graph = reads_ahead = False

    def __init__(self, made_of: Any, count: int, first: Any, spec: Any) -> None:
        self.made_of, self.count, self._first, self._spec = made_of, count, first, spec
        self.numbers = tf.data.Dataset.range(count)

    def first(self) -> Any:
        """Return the first batch, as it was when the stream was made."""
        return self._first

    def spec(self) -> Any:
        """Return what all batches have in common, for any number of samples."""
        return self._spec

    def compared(self) -> list[np.ndarray] | None:
        """Return the arrays of the first batches, or None if they are others the second time.

        They are the same for all trainings. The seeds of all that draws are set, and stay set.
        """
        return self._compared

    @functools.cached_property
    def _compared(self) -> list[np.ndarray] | None:
        keras.utils.set_random_seed(SEED)
        once, again = (
            tf.nest.flatten(self._first_batches(), expand_composites=True) for _ in range(2)
        )
        are_equal = len(once) == len(again) and all(map(np.array_equal, once, again))
        return list(map(np.asarray, once)) if are_equal else None

    def _first_batches(self) -> list[Any]:
        raise NotImplementedError


def check_first_batch(batch: Any, name: str) -> None:
    """Check the first batch of a stream; the model takes or refuses ragged and sparse tensors.

    Args:
        batch: the first batch, or None if there is none.
        name: of the stream, in a sentence.

    Raises:
        DataWrong: it cannot be trained on.
    """
    if batch is None:
        raise DataWrong(f"{name} gives no batches")
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        raise DataWrong(
            f"{name} gives {type(batch).__name__}; give batches (x, y) or (x, y, sample_weight)"
        )
    tensors = tf.nest.flatten(batch)
    if any(tensor.shape.rank == 0 for tensor in tensors):
        raise DataWrong(f"{name} gives single samples; give batches, as .batch(32) makes them")
    if all(isinstance(tensor, tf.Tensor) for tensor in tensors):
        check_part(keras.tree.map_structure(np.asarray, batch), f" of the first batch of {name}")


def for_any_number_of_samples(spec: Any) -> Any:
    """Return a spec that leaves the number of samples open: the last batch may be smaller."""
    if isinstance(spec, tf.TensorSpec) and spec.shape.rank:
        return tf.TensorSpec([None, *spec.shape[1:]], spec.dtype)
    return spec

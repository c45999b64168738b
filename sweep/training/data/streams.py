"""Data that come as batches of their own: a ``train(epoch)``, a ``keras.utils.PyDataset``, a ``tf.data.Dataset``."""

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.data.arrays import SEED, DataWrong, as_array, check_part
from sweep.training.data.batch_source import Say
from sweep.training.state import random_state

SAY_EVERY_S = 2.0
COMPARED = 3  # batches, of those that are made twice
PROBED = 2  # batches, whose common shape is taken for that of all, as Keras does


class _Stream:
    """What streams have in common: batches that Python takes, one after the other."""

    in_graph = reads_ahead = False

    def __init__(self, made_of: Any, count: int, first: Any, spec: Any) -> None:
        self.made_of, self.count, self._first, self._spec = made_of, count, first, spec
        self.numbers = tf.data.Dataset.range(count)

    def first(self) -> Any:
        """Return the first batch, as it was when the stream was made."""
        return self._first

    def spec(self) -> Any:
        """Return what all batches have in common; the number of samples is left open."""
        return self._spec

    def compared(self) -> list[np.ndarray] | None:
        """Return the arrays of the first batches, the same for all trainings; None where they do not come twice.

        It sets the seeds of all that draws, and leaves them set.
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


class Datasets(_Stream):
    """A ``tf.data.Dataset`` for each epoch.

    Args:
        make: returns that of an epoch.
        name: what it is called in a sentence.
        say: is told in a sentence what takes long.
        count: the batches of an epoch, where they are known; else, where the dataset does not know, they are counted once.

    Raises:
        DataWrong: it has no first batch to train on, or no end.
    """

    kind, reads_ahead = "tf.data.Dataset", True

    def __init__(
        self, make: Callable[[int], Any], name: str, say: Say, count: int | None = None
    ) -> None:
        self._make, self._name, self._say = make, name, say
        dataset = self._dataset(0)
        cardinality = int(dataset.cardinality())
        if cardinality == tf.data.INFINITE_CARDINALITY:
            raise DataWrong(
                f"{self._name} gives batches without an end; say how many are an epoch, by .take(n)"
            )
        batches = iter(dataset)
        first = next(batches, None)
        _check(first, self._name)
        if cardinality == tf.data.UNKNOWN_CARDINALITY:
            cardinality = count or 1 + self._pass_over(
                batches, None, "counts the batches of an epoch"
            )
        super().__init__(
            make, cardinality, first, tf.nest.map_structure(_of_any_size, dataset.element_spec)
        )

    def begin(self, epoch: int, batch: int = 0) -> None:
        """Make the dataset of the epoch, and pass over the batches before ``batch``.

        Raises:
            DataWrong: it has not as many batches as that of the first epoch.
        """
        dataset = self._dataset(epoch)
        cardinality = int(dataset.cardinality())
        if cardinality not in (self.count, tf.data.UNKNOWN_CARDINALITY):
            raise self._other_count(f"{cardinality}")
        self._batches = iter(dataset)
        self._pass_over(
            self._batches,
            batch,
            f"passes over the batches of epoch {epoch} that are trained already",
        )

    def batch(self, number: Any) -> Any:
        """Return the next batch.

        Raises:
            DataWrong: there is none.
        """
        batch = next(self._batches, None)
        if batch is None:
            raise self._other_count(f"{number}")
        return batch

    def end(self) -> None:
        """Check that there are no more.

        Raises:
            DataWrong: there are.
        """
        if next(self._batches, None) is not None:
            raise self._other_count("more")
        self._batches = iter(())  # lets go of what was held ready

    def why_approximate(self) -> str | None:
        """Look whether the first batches come twice."""
        if self.compared() is not None:
            return None
        return f"{self._name} gave other batches when it was asked a second time"

    def _first_batches(self) -> list[Any]:
        return list(itertools.islice(self._dataset(0), COMPARED))

    def _dataset(self, epoch: int) -> tf.data.Dataset:
        options = tf.data.Options()
        options.deterministic = True  # what is done in parallel comes in one order all the same
        return self._make(epoch).with_options(options)

    def _pass_over(self, batches: Iterator[Any], many: int | None, what: str) -> int:
        """Return how many came: so many, or all."""
        count, said_at = 0, time.monotonic()
        for count, _ in enumerate(itertools.islice(batches, many), 1):
            if time.monotonic() - said_at > SAY_EVERY_S:
                said_at = time.monotonic()
                self._say(f"{what}: {count:,}{f' of {many:,}' if many else ' so far'}")
        return count

    def _other_count(self, found: str) -> DataWrong:
        return DataWrong(
            f"{self._name} gives {found} batches, where the first epoch had {self.count}; give each epoch as many"
        )


class InexactDataset(Datasets):
    """A ``tf.data.Dataset`` to train on: where its own shuffle was before a cut, nobody knows."""

    def why_approximate(self) -> str:
        """Return the reason."""
        return "a cut begins the tf.data.Dataset of its training anew; load_data may return a function train(epoch) instead"


class Epochs(Datasets):
    """A function of the search space that returns the ``tf.data.Dataset`` of an epoch.

    It is called under a seed of TensorFlow that (seed, epoch) decides, so that a shuffle without a seed is the same again.

    Args:
        train: the function; it gets the number of the epoch, from 0.
        seed: of the training.
        say: is told in a sentence what takes long.
        count: the batches of an epoch, where they are known.
    """

    kind = "train(epoch)"

    def __init__(
        self, train: Callable[[int], Any], seed: int, say: Say, count: int | None = None
    ) -> None:
        self._train, self._seed = train, seed
        super().__init__(self._of_epoch, "train(0)", say, count)
        self.made_of = train

    def _first_batches(self) -> list[Any]:
        """Make them under one seed, whatever that of the training is."""
        seed, self._seed = self._seed, SEED
        try:
            return super()._first_batches()
        finally:
            self._seed = seed

    def _of_epoch(self, epoch: int) -> tf.data.Dataset:
        self._name = f"train({epoch})"
        tf.random.set_seed(int(np.random.SeedSequence([self._seed, epoch]).generate_state(1)[0]))
        dataset = self._train(epoch)
        tf.random.set_seed(self._seed)
        if not isinstance(dataset, tf.data.Dataset):
            raise DataWrong(
                f"{self._name} returns a {type(dataset).__name__}; return a tf.data.Dataset"
            )
        return dataset


class PyBatches(_Stream):
    """A ``keras.utils.PyDataset``, whose batches are taken in order and in this thread: what they draw from ``random`` and
    ``numpy.random`` is then in every backup.

    Args:
        dataset: its ``workers`` and ``use_multiprocessing`` are not used.
        name: what it is called in a sentence.
    """

    kind = "PyDataset"

    def __init__(self, dataset: keras.utils.PyDataset, name: str) -> None:
        self._dataset, self._name = dataset, name
        count = dataset.num_batches
        if not count:
            raise DataWrong(
                f"{name} has {'no end' if count is None else 'no batches'}; give it a __len__, in batches"
            )
        self._probed = range(min(PROBED, count))
        batches = [self._take(number) for number in self._probed]
        for batch in batches:
            _check(batch, name)
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
            found, first = (
                ", ".join(f"{one.dtype.name} {one.shape}" for one in ones)
                for ones in (parts, specs)
            )
            raise DataWrong(
                f"{self._name} gives {found} in batch {number}, where the first have {first}; make them alike"
            )
        return batch

    def end(self) -> None:
        """Call ``on_epoch_end``."""
        self._dataset.on_epoch_end()

    def why_approximate(self) -> str | None:
        """Look for what no backup holds."""
        if self.compared() is not None:
            return None
        return "its PyDataset gave other batches when it was asked a second time: draw from random or numpy.random only"

    def _first_batches(self) -> list[Any]:
        with random_state.drawing_again():
            return list(map(self._take, self._probed))

    def _take(self, number: int) -> Any:
        batch = self._dataset[number]
        if not isinstance(batch, tuple | list):
            return batch
        return tuple(
            keras.tree.map_structure(lambda leaf: tf.convert_to_tensor(as_array(leaf)), part)
            for part in batch
        )


def _check(batch: Any, name: str) -> None:
    """Look at a first batch; what is ragged or sparse in it is for the model to take or to refuse.

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


def _of_any_size(spec: Any) -> Any:
    """Leave the number of samples open: the last batch may be smaller."""
    return (
        tf.TensorSpec([None, *spec.shape[1:]], spec.dtype)
        if isinstance(spec, tf.TensorSpec) and spec.shape.rank
        else spec
    )


def _common_spec(*tensors: tf.Tensor) -> tf.TensorSpec:
    shape = tensors[0].shape
    for tensor in tensors[1:]:
        shape = shape.most_specific_compatible_shape(tensor.shape)
    return _of_any_size(tf.TensorSpec(shape, tensors[0].dtype))

"""Batches of ``tf.data.Dataset``: one dataset for all epochs, or a function that makes each."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.training.data.arrays import SEED
from sweep.training.data.as_array import DataWrong
from sweep.training.data.batch_source import Say
from sweep.training.data.streams import Stream, check_first_batch, for_any_number_of_samples

SAY_EVERY_S = 2.0
COMPARED = 3  # batches that are made twice, to be compared


class Datasets(Stream):
    """A ``tf.data.Dataset`` for each epoch.

    Args:
        make: returns the dataset of an epoch.
        name: what it is called in a sentence.
        say: is told in a sentence what takes long.
        count: the batches of an epoch, if they are known. Else they are counted once, unless the
            dataset knows them.

    Raises:
        DataWrong: the dataset has no first batch to train on, or no end.
    """

    kind = "tf.data.Dataset"
    reads_ahead = True

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
        self._batches: Iterator[Any] = iter(dataset)
        first = next(self._batches, None)
        check_first_batch(first, self._name)
        if cardinality == tf.data.UNKNOWN_CARDINALITY:
            cardinality = count or 1 + self._skip(None, "counts the batches of an epoch")
        spec = tf.nest.map_structure(for_any_number_of_samples, dataset.element_spec)
        super().__init__(make, cardinality, first, spec)
        self._batches = iter(())  # lets go of what was held ready

    def begin(self, epoch: int, batch: int = 0) -> None:
        """Make the dataset of the epoch, and skip the batches before ``batch``.

        Raises:
            DataWrong: it has not as many batches as that of the first epoch.
        """
        dataset = self._dataset(epoch)
        cardinality = int(dataset.cardinality())
        if cardinality not in (self.count, tf.data.UNKNOWN_CARDINALITY):
            raise self._other_count(f"{cardinality}")
        self._batches = iter(dataset)
        self._skip(batch, f"passes over the batches of epoch {epoch} that are trained already")

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
        """Check that there are no more batches.

        Raises:
            DataWrong: there are.
        """
        if next(self._batches, None) is not None:
            raise self._other_count("more")
        self._batches = iter(())  # lets go of what was held ready

    def why_approximate(self) -> str | None:
        """Return the reason if the first batches are others the second time."""
        if self.compared() is not None:
            return None
        return f"{self._name} gave other batches when it was asked a second time"

    def _first_batches(self) -> list[Any]:
        return list(itertools.islice(self._dataset(0), COMPARED))

    def _dataset(self, epoch: int) -> tf.data.Dataset:
        options = tf.data.Options()
        options.deterministic = True  # what is done in parallel comes in one order all the same
        return self._make(epoch).with_options(options)

    def _skip(self, limit: int | None, activity: str) -> int:
        """Skip so many batches, or all, and return their number."""
        count, said_at = 0, time.monotonic()
        for count, _ in enumerate(itertools.islice(self._batches, limit), 1):
            if time.monotonic() - said_at > SAY_EVERY_S:
                said_at = time.monotonic()
                total = f" of {limit:,}" if limit else " so far"
                self._say(f"{activity}: {count:,}{total}")
        return count

    def _other_count(self, count: str) -> DataWrong:
        return DataWrong(
            f"{self._name} gives {count} batches, where the first epoch had {self.count}; "
            "give each epoch as many"
        )


class InexactDataset(Datasets):
    """A ``tf.data.Dataset`` to train on: the position in its own shuffle cannot be restored."""

    def why_approximate(self) -> str:
        """Return the reason."""
        return (
            "a cut begins the tf.data.Dataset of its training anew; load_data may return a "
            "function train(epoch) instead"
        )


class EpochDatasets(Datasets):
    """A function of the search space that returns the ``tf.data.Dataset`` of an epoch.

    It is called under a seed of TensorFlow that (seed, epoch) decides, so that a shuffle without a
    seed is the same again.

    Args:
        train: the function; it gets the number of the epoch, from 0.
        seed: of the training.
        say: is told in a sentence what takes long.
        count: the batches of an epoch, if they are known.
    """

    kind = "train(epoch)"
    _name: str  # of the dataset that was made last

    def __init__(
        self, train: Callable[[int], Any], seed: int, say: Say, count: int | None = None
    ) -> None:
        self._train, self._seed = train, seed
        super().__init__(self._dataset_of_epoch, "train(0)", say, count)
        self.made_of = train

    def _first_batches(self) -> list[Any]:
        """Make them under one seed, whatever the seed of the training is."""
        seed, self._seed = self._seed, SEED
        try:
            return super()._first_batches()
        finally:
            self._seed = seed

    def _dataset_of_epoch(self, epoch: int) -> tf.data.Dataset:
        self._name = f"train({epoch})"
        tf.random.set_seed(int(np.random.SeedSequence([self._seed, epoch]).generate_state(1)[0]))
        dataset = self._train(epoch)
        tf.random.set_seed(self._seed)
        if not isinstance(dataset, tf.data.Dataset):
            raise DataWrong(
                f"{self._name} returns a {type(dataset).__name__}; return a tf.data.Dataset"
            )
        return dataset

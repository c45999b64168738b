"""sweep.training.data.batch_source."""

from collections.abc import Callable
from typing import Any, Protocol

import tensorflow as tf


class BatchSource(Protocol):
    """What is trained or tested on, batch by batch. A batch is (x, y) or (x, y, sample_weight).

    ``kind`` is what ``load_data`` returned, in words; ``count`` the number of batches in an epoch. ``numbers`` is a
    ``tf.data.Dataset`` of their numbers: it is what ``Model.fit`` iterates over, while the batches themselves are taken
    where they are trained. ``in_graph`` tells whether ``batch`` may be called inside a ``tf.function``, ``reads_ahead``
    whether batches are made before they are taken. ``made_of`` is what the user gave, where that may hold state of its own.
    """

    kind: str
    count: int
    numbers: tf.data.Dataset
    in_graph: bool
    reads_ahead: bool
    made_of: Any

    def begin(self, epoch: int, batch: int = 0) -> None:
        """Begin an epoch, so that ``batch`` is the next batch of it."""

    def batch(self, number: Any) -> Any:
        """Return the batch of that number, from 0, which is the one after the batch before."""

    def end(self) -> None:
        """Note that all batches of the epoch are done."""

    def first(self) -> Any:
        """Return a batch to build a model by, which is taken from no epoch."""

    def spec(self) -> Any:
        """Return what ``batch`` returns, as ``tf.TensorSpec``; the number of samples is left open."""

    def compared(self) -> Any:
        """Return what stands for a stream when it is compared with that of another session; None where nothing can."""

    def why_approximate(self) -> str | None:
        """Return why a training on it may not end as if it had never been cut; None where it does."""


Say = Callable[[str], None]

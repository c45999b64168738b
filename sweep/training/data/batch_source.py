"""The interface through which a training and its validation take their batches."""

from collections.abc import Callable
from typing import Any, Protocol

import tensorflow as tf

Say = Callable[[str], None]  # tells the user in a sentence what takes long


class BatchSource(Protocol):
    """A source of batches for a training or its validation.

    A batch is (x, y) or (x, y, sample_weight).

    Attributes:
        kind: what ``load_data`` returned, in words.
        count: the number of batches in an epoch.
        numbers: a ``tf.data.Dataset`` of the numbers of the batches. ``Model.fit`` iterates over
            it; the batches themselves are taken where they are trained.
        in_graph: whether ``batch`` may be called inside a ``tf.function``.
        reads_ahead: whether batches are made before they are taken.
        made_of: what the user gave, if that may have a state of its own, else None.
    """

    kind: str
    count: int
    numbers: tf.data.Dataset
    in_graph: bool
    reads_ahead: bool
    made_of: Any

    def begin(self, epoch: int, batch: int = 0) -> None:
        """Begin an epoch, so that ``batch`` is its next batch."""

    def batch(self, number: Any) -> Any:
        """Return the batch of that number, from 0: the one after the batch before."""

    def end(self) -> None:
        """Note that all batches of the epoch are done."""

    def first(self) -> Any:
        """Return a batch to build a model by, which is taken from no epoch."""

    def spec(self) -> Any:
        """Return what ``batch`` returns, as ``tf.TensorSpec``, for any number of samples."""

    def compared(self) -> Any:
        """Return the arrays that identify a stream to another session, or None if none can."""

    def why_approximate(self) -> str | None:
        """Return why a resumed training may differ from an uninterrupted one, or None."""

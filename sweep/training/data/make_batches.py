"""sweep.training.data.make_batches."""

import keras
import tensorflow as tf

from sweep.training.data.array_batches import ArrayBatches
from sweep.training.data.arrays import EXPECTED, DataWrong, Split, is_arrays
from sweep.training.data.batch_source import BatchSource, Say
from sweep.training.data.streams import Datasets, Epochs, InexactDataset, PyBatches


def make_batch_source(
    part: Split, is_train: bool, batch_size: int, seed: int, say: Say, count: int | None = None
) -> BatchSource:
    """Return the batches of what ``load_data`` gives for the training, or for its validation.

    Args:
        part: as ``sweep.training.data.arrays.load_data`` returns it.
        is_train: arrays are shuffled then, and a function may make the batches of each epoch.
        batch_size: samples a batch of arrays; streams have their own.
        seed: of the training.
        say: is told in a sentence what takes long.
        count: the batches of an epoch, where an earlier session has counted them.

    Raises:
        DataWrong: it is nothing to train on, or its first batch is not.
    """
    if is_arrays(part):
        return ArrayBatches(part, batch_size, seed, shuffle=is_train)
    of = "training" if is_train else "validation"
    if isinstance(part, keras.utils.PyDataset):
        return PyBatches(part, f"the PyDataset of the {of}")
    if isinstance(part, tf.data.Dataset):
        return (InexactDataset if is_train else Datasets)(
            lambda _: part, f"the tf.data.Dataset of the {of}", say, count
        )
    if callable(part) and is_train:
        return Epochs(part, seed, say, count)
    raise DataWrong(
        f"{EXPECTED}, or a stream of batches in place of a pair; for the {of} it gives a {type(part).__name__}"
    )

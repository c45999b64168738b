"""The choice of the batch source for what ``load_data`` returned."""

import keras
import tensorflow as tf

from sweep.training.data.array_batches import ArrayBatches
from sweep.training.data.arrays import EXPECTED, TWICE, Split, is_arrays
from sweep.training.data.as_array import DataWrong
from sweep.training.data.batch_source import BatchSource, Say
from sweep.training.data.py_datasets import PyDatasetBatches
from sweep.training.data.tf_datasets import Datasets, EpochDatasets, InexactDataset


def make_batch_source(
    split: Split, is_train: bool, batch_size: int, seed: int, say: Say, count: int | None = None
) -> BatchSource:
    """Return the batches of what ``load_data`` gives for the training, or for its validation.

    Args:
        split: as ``load_data`` returns it.
        is_train: whether it is the training's: then arrays are shuffled, and a function may make
            the batches of each epoch.
        batch_size: samples a batch of arrays; streams have their own.
        seed: of the training.
        say: is told in a sentence what takes long.
        count: the batches of an epoch, if an earlier session has counted them.

    Raises:
        DataWrong: it is nothing to train on, or its first batch is not.
    """
    if is_arrays(split):
        return ArrayBatches(split, batch_size, seed, shuffle=is_train)
    purpose = "training" if is_train else "validation"
    if isinstance(split, keras.utils.PyDataset):
        return PyDatasetBatches(split, f"the PyDataset of the {purpose}")
    if isinstance(split, tf.data.Dataset):
        datasets = InexactDataset if is_train else Datasets
        return datasets(lambda _: split, f"the tf.data.Dataset of the {purpose}", say, count)
    if callable(split) and is_train:
        return EpochDatasets(split, seed, say, count)
    if isinstance(split, dict) or hasattr(split, "__array__") or hasattr(split, "toarray"):
        raise DataWrong(f"load_data gives x{'_train' if is_train else '_val'} alone; {TWICE}")
    raise DataWrong(
        f"{EXPECTED}, or a stream of batches in place of a pair; for the {purpose} it gives a "
        f"{type(split).__name__}"
    )

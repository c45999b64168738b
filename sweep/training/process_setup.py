"""The settings of a process that decide the bits of a training."""

import keras
import tensorflow as tf

from sweep.experience.record import Record
from sweep.training.h5py_errors import silence_h5py


def begin_process(record: Record) -> None:
    """Fix the threads and the seed, which decide the bits of a training beside its parameters."""
    silence_h5py()
    tf.config.threading.set_intra_op_parallelism_threads(record.threads)
    tf.config.threading.set_inter_op_parallelism_threads(record.threads)
    keras.utils.set_random_seed(record.seed)

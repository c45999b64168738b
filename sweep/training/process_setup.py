"""The settings of a process that decide the bits of a training."""

import keras
import tensorflow as tf

from sweep.experience.record import Record
from sweep.training.h5py_errors import silence_h5py


def begin_process(record: Record) -> None:
    """Fix the threads and the seed, which decide the bits of a training beside its parameters."""
    silence_h5py()
    _set_threads(record.threads)
    keras.utils.set_random_seed(record.seed)


def begin_runtime(threads: int) -> None:
    """Begin TensorFlow's runtime, which keeps this number of threads from then on.

    Nothing is drawn at random, and nothing is named: a training in this process has the same bits
    as in any other.
    """
    _set_threads(threads)
    variable = tf.Variable(tf.ones([8, 8]), trainable=False)
    variable.assign(tf.matmul(variable, variable))
    tf.data.Dataset.range(1)


def _set_threads(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

"""The ways in which a training ends before its last epoch: exceptions that no callback handles."""

import re
import traceback

import tensorflow as tf

from sweep.errors import MISSING, SweepError
from sweep.training.protocol import End

# Errors that name what may be there again tomorrow: a file, a server, a package.
BY_THE_DAY = (*MISSING, tf.errors.NotFoundError, tf.errors.PermissionDeniedError)
# TensorFlow has the errors of a generator as texts of its own.
BY_THE_DAY_IN_A_GENERATOR = re.compile(
    r"(\{\{.*\}\} )?(OS|FileNotFound|Permission|Connection|Timeout|Import|ModuleNotFound)Error\b"
)
OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)


class Stopped(Exception):  # an end of a training, not an error of the program
    """The training was asked to stop, and is saved."""


class NotSaved(SweepError):
    """A training cannot write its files."""


class Diverged(Exception):  # an end of a training, not an error of the program
    """A metric of the training is NaN or infinite."""


class Pruned(Exception):  # an end of a training, not an error of the program
    """The pruner ends the training."""


class SearchSpaceRaised(Exception):  # an end of a training, not an error of the program
    """The search space has raised an error.

    Args:
        reason: where and what, in words.
        error: the error.
    """

    def __init__(self, reason: str, error: Exception) -> None:
        super().__init__(reason)
        self.traceback = traceback.format_exc()
        is_named = BY_THE_DAY_IN_A_GENERATOR.match(str(error)) is not None
        self.is_by_the_day = isinstance(error, BY_THE_DAY) or is_named
        self.is_of_memory = isinstance(error, OF_MEMORY)


class NothingToTrain(Exception):  # an end of a training, not an error of the program
    """This process has nothing to train now: another one trains the experience, or has trained it.

    Args:
        end: of this process.
    """

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end

"""The ways in which a training ends before its last epoch: exceptions that no callback handles."""

from sweep.errors import SweepError


class Stopped(Exception):  # an end of a training, not an error of the program
    """The training was asked to stop, and is saved."""


class NotSaved(SweepError):
    """A training cannot write its files."""


class Diverged(Exception):  # an end of a training, not an error of the program
    """A metric of the training is NaN or infinite."""


class Pruned(Exception):  # an end of a training, not an error of the program
    """The pruner ends the training."""

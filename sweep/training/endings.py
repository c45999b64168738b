"""sweep.training.endings."""

from sweep.errors import SweepError


class Stopped(Exception):  # an end of a training, no error of the program
    """The training was asked to stop."""


class NotSaved(SweepError):
    """A training cannot write its files."""


class Diverged(Exception):  # an end of a training, no error of the program
    """The training yields NaN or infinity."""


class Pruned(Exception):  # an end of a training, no error of the program
    """The pruner ends the training."""

"""Hyperparameter sweeps for Keras that cannot be lost.

>>> import sweep
>>> sweep.run("digits_mlp", trials=12).best().path  # doctest: +SKIP
PosixPath('/home/you/experiences/digits_mlp/946559458e0f4e9e/meilleur.model.keras')
"""

__version__ = "0.1.0"

from sweep.api import Best, Sweep, enqueue, run
from sweep.errors import SweepError

__all__ = ["Best", "Sweep", "SweepError", "enqueue", "run"]

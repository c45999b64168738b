"""Hyperparameter sweeps for Keras that survive anything.

>>> import sweep
>>> sweep.run("digits_mlp", trials=12).best().path  # doctest: +SKIP
PosixPath('/home/you/experiences/digits_mlp/946559458e0f4e9e/meilleur.model.keras')
"""

from sweep.api import BestTrial, Sweep, enqueue, run
from sweep.errors import SweepError
from sweep.version import __version__

Best = BestTrial  # its first name, which scripts use

__all__ = ["Best", "BestTrial", "Sweep", "SweepError", "__version__", "enqueue", "run"]

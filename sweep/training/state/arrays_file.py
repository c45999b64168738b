"""The arrays of a backup, in a group of their own of the HDF5 file that holds the weights.

Keras passes over this group when it loads the weights.
"""

from pathlib import Path

import h5py

from sweep.training import hdf5
from sweep.training.state.packing import StateArrays

GROUP = "sweep"


def add_arrays(weights: h5py.File, arrays: StateArrays) -> None:
    """Add the arrays to an open file of weights."""
    for name, array in arrays.items():
        weights[f"{GROUP}/{name}"] = array


def read_arrays(weights: Path) -> StateArrays:
    """Return the arrays that ``add_arrays`` added.

    Raises:
        NotSelfContained: the file refers to data in other files.
        OSError: the file cannot be read.
    """
    with hdf5.checked(weights) as path, h5py.File(path, "r") as file:
        return {name: array[()] for name, array in file.get(GROUP, {}).items()}

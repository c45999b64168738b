"""sweep.training.state.arrays_file."""

from pathlib import Path

import h5py

from sweep.training import hdf5
from sweep.training.state.packing import StateArrays

GROUP = "sweep"


def write_arrays(weights: Path, arrays: StateArrays) -> None:
    """Add the arrays to a file of weights."""
    with h5py.File(weights, "a") as file:
        for name, array in arrays.items():
            file[f"{GROUP}/{name}"] = array


def read_arrays(weights: Path) -> StateArrays:
    """Return the arrays that ``write_arrays`` added.

    Raises:
        NotSelfContained: some of them are not in the file.
        OSError: it cannot be read.
    """
    with hdf5.checked(weights) as path, h5py.File(path, "r") as file:
        return {name: array[()] for name, array in file.get(GROUP, {}).items()}

"""What a search space trains on: loaded once, checked, kept on the disk of this host, and shared by all trainings here."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import keras
import numpy as np
from joblib.memory import CacheWarning

import sweep
from sweep.errors import SweepError
from sweep.files import sync
from sweep.host import cache_folder
from sweep.search_space import SearchSpace

PART_BYTES = 2**24
SEED = 0  # of what ``load_data`` draws, whatever the seed of the training is: all trainings are to have the same data
KEPT_S = 30 * 24 * 3600.0  # after the last use
WHOLE = "whole"

# One array, or a dict, list or tuple of them: what ``Model.fit`` takes.
Arrays = Any
Data = tuple[tuple[Arrays, Arrays], tuple[Arrays, Arrays]]


class DataWrong(SweepError):
    """``load_data`` returned what cannot be trained on."""


def load_data(space: SearchSpace, keep: bool) -> Data:
    """Return ((x_train, y_train), (x_val, y_val)) as NumPy arrays, floats in Keras's float type.

    Args:
        space: with the ``load_data`` that is called.
        keep: on the disk, by the content of the search space: other calls, of any process, get the same arrays mapped into
            memory, one copy for all, read-only. Where the disk has no room, the arrays are returned all the same.

    Raises:
        DataWrong: what ``load_data`` returns cannot be trained on.
    """
    load = Loader(space)
    if not keep:
        return load()
    # Of one search space, by its path, the data of one text are kept: the others would fill the disk.
    of_space = cache_folder() / "data" / _digest(str(space.source.path))
    folder = of_space / _digest(repr((sweep.__version__, keras.backend.floatx(), space.source.text)))
    try:
        with _alone_in(of_space):
            return _load_or_map(of_space, folder, load)
    except (OSError, CacheWarning):
        if load.has_failed:
            raise
        return load()


class Loader:
    """Loads at its first call, and tells whether that failed: its error is not one of the disk that keeps the data."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._data: Data | None = None
        self.has_failed = False

    def __call__(self) -> Data:
        if self._data is None:
            self.has_failed = True
            keras.utils.set_random_seed(SEED)
            self._data = check_data(self._space.load_data())
            self.has_failed = False
        return self._data


def _load_or_map(of_space: Path, folder: Path, load: Loader) -> Data:
    """What a power cut may have left torn has no mark that it is whole, and is loaded again."""
    whole = folder / WHOLE
    if not whole.exists():
        for other in of_space.iterdir():
            shutil.rmtree(other, ignore_errors=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CacheWarning)  # which joblib makes of a full disk
            data: Data = joblib.Memory(folder, mmap_mode="r", verbose=0).cache(_call, ignore=["load"])(load)
        if not whole.exists():
            for path in folder.rglob("*.pkl"):
                sync(path)
            _forget_the_old(of_space.parent)
        whole.touch()
    except (OSError, CacheWarning):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return data


def _call(load: Loader) -> Data:
    return load()


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time load: the others would take as much memory, for nothing.

    Raises:
        OSError: the folder cannot be written, or is another user's: what joblib keeps are pickles.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "of another user", folder)
    descriptor = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _forget_the_old(kept: Path) -> None:
    """Remove what has not been used for long; who still has it mapped, keeps it."""
    for whole in kept.glob(f"*/*/{WHOLE}"):
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            if time.time() - whole.stat().st_mtime > KEPT_S:
                shutil.rmtree(whole.parent, ignore_errors=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_data(data: Any) -> tuple[tuple[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """Return what ``load_data`` returned, as NumPy arrays, once it is fit for training.

    Raises:
        DataWrong: it is not two pairs of arrays, a pair is of unequal lengths or empty, or holds NaN or infinity.
    """
    try:
        (x_train, y_train), (x_val, y_val) = data
    except (TypeError, ValueError):
        raise DataWrong("load_data must return (x_train, y_train), (x_val, y_val)") from None
    parts = {"x_train": x_train, "y_train": y_train, "x_val": x_val, "y_val": y_val}
    for name, arrays in parts.items():
        parts[name] = _as_arrays(name, arrays)
        _check_arrays(name, keras.tree.flatten(parts[name]))
    for kind in ("train", "val"):
        x, y = (len(keras.tree.flatten(parts[f"{axis}_{kind}"])[0]) for axis in "xy")
        if x != y:
            raise DataWrong(f"load_data gives {x} samples in x_{kind} but {y} in y_{kind}; make them equal")
    return (parts["x_train"], parts["y_train"]), (parts["x_val"], parts["y_val"])


def _as_arrays(name: str, arrays: Any) -> Arrays:
    """Return one array, or a structure of arrays; a list of numbers is an array."""
    leaves = keras.tree.flatten(arrays)
    if not leaves:
        raise DataWrong(f"load_data gives no samples in {name}")
    try:
        one = any(np.ndim(leaf) == 0 for leaf in leaves)
        return _as_array(arrays) if one else keras.tree.map_structure(_as_array, arrays)
    except ValueError as error:
        raise DataWrong(f"load_data gives {name} that is no array ({error}); return arrays of numbers or strings") from error


def _as_array(numbers: Any) -> np.ndarray:
    array = np.asarray(numbers)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)  # TensorFlow reads the bytes as this machine's
    return array.astype(keras.backend.floatx(), copy=False) if array.dtype.kind == "f" else array


def _check_arrays(name: str, arrays: list[np.ndarray]) -> None:
    for array in arrays:
        if array.dtype.kind not in "biufcSU" and not all(isinstance(item, str | bytes) for item in array.flat):
            raise DataWrong(f"load_data gives {name} of type {array.dtype}; return arrays of numbers or strings")
        if array.ndim == 0 or len(array) == 0:
            raise DataWrong(f"load_data gives no samples in {name}")
        if len(array) != len(arrays[0]):
            raise DataWrong(f"load_data gives arrays of {len(arrays[0])} and {len(array)} samples in {name}")
        if array.dtype.kind in "fc" and not _is_finite(array):
            raise DataWrong(f"load_data gives NaN or infinity in {name}; drop or fill them")


def _is_finite(array: np.ndarray) -> bool:
    """Tell whether all numbers are, a part at a time: the answer for a whole array takes a quarter of its size."""
    rows = max(1, PART_BYTES * len(array) // max(1, array.nbytes))
    return all(np.isfinite(array[start : start + rows]).all() for start in range(0, len(array), rows))

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
# (x, y) or (x, y, sample_weight) of arrays, or what ``sweep.streams`` makes batches of.
Part = Any
Data = tuple[Part, Part]

WHAT = "load_data must return (x_train, y_train), (x_val, y_val)"


class DataWrong(SweepError):
    """``load_data`` returned what cannot be trained on."""


def load_data(space: SearchSpace, keep: bool) -> Data:
    """Return the data of the training and of its validation: NumPy arrays, floats in Keras's float type, or streams.

    Args:
        space: with the ``load_data`` that is called.
        keep: on the disk, by the content of the search space: other calls, of any process, get the same arrays mapped into
            memory, one copy for all, read-only. Where the disk has no room, the arrays are returned all the same; so are
            streams, which no disk can keep.

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
        data = load()
        if not all(map(is_arrays, data)):
            return data
        for other in of_space.iterdir():
            shutil.rmtree(other, ignore_errors=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CacheWarning)  # which joblib makes of a full disk
            kept: Data = joblib.Memory(folder, mmap_mode="r", verbose=0).cache(_call, ignore=["load"])(load)
        if not whole.exists():
            for path in folder.rglob("*.pkl"):
                sync(path)
            _forget_the_old(of_space.parent)
        whole.touch()
    except (OSError, CacheWarning):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return kept


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


def is_arrays(part: Part) -> bool:
    """Tell whether the training, or its validation, is to have arrays, and no stream of batches."""
    return isinstance(part, tuple | list)


def check_data(data: Any) -> Data:
    """Return what ``load_data`` returned, once it is fit for training; streams are looked at where they are made batches of.

    Raises:
        DataWrong: it is not two parts; or one of arrays is of unequal lengths or empty, or holds NaN or infinity.
    """
    try:
        train, validation = data
    except (TypeError, ValueError):
        raise DataWrong(WHAT) from None
    return tuple(
        check_part(part, f"_{kind}") if is_arrays(part) else part for kind, part in (("train", train), ("val", validation))
    )  # type: ignore[return-value] # two


def check_part(part: Part, of: str) -> tuple[Arrays, ...]:
    """Return (x, y) or (x, y, sample_weight) as NumPy arrays.

    Args:
        part: a tuple or list of them.
        of: what follows their names in the words of what is wrong.

    Raises:
        DataWrong: as for ``check_data``.
    """
    if len(part) not in (2, 3):
        raise DataWrong(WHAT)
    names = [f"{name}{of}" for name in ("x", "y", "sample_weight")[: len(part)]]
    x, y, *weights = map(_as_arrays, names, part)
    found = (x, y, *(_of_each_output(names[-1], weight, y) for weight in weights))
    for name, arrays in zip(names, found, strict=True):
        _check_arrays(name, keras.tree.flatten(arrays))
        samples, others = (len(keras.tree.flatten(one)[0]) for one in (x, arrays))
        if samples != others:
            raise DataWrong(f"load_data gives {samples} samples in {names[0]} but {others} in {name}; make them equal")
    return found


def _of_each_output(name: str, weight: Arrays, y: Arrays) -> Arrays:
    """Return weights in the structure of ``y``: as with Keras, one array may be for all outputs."""
    leaves = keras.tree.flatten(weight)
    if any(leaf.dtype.kind not in "biuf" for leaf in leaves):
        raise DataWrong(f"load_data gives {name} that is no array of numbers; return a weight for each sample")
    if not keras.tree.is_nested(weight):
        return keras.tree.map_structure(lambda _: weight, y)
    try:
        keras.tree.assert_same_structure(y, weight)
    except ValueError:
        raise DataWrong(
            f"load_data gives {name} for other outputs than y; give each output one, or one array for all"
        ) from None
    return weight


def _as_arrays(name: str, arrays: Any) -> Arrays:
    """Return one array, or a structure of arrays; a list of numbers is an array."""
    leaves = keras.tree.flatten(arrays)
    if not leaves:
        raise DataWrong(f"load_data gives no samples in {name}")
    try:
        one = any(np.ndim(leaf) == 0 for leaf in leaves)
        return as_array(arrays) if one else keras.tree.map_structure(as_array, arrays)
    except ValueError as error:
        raise DataWrong(f"load_data gives {name} that is no array ({error}); return arrays of numbers or strings") from error


def as_array(numbers: Any) -> np.ndarray:
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

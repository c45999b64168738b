"""The arrays that a search space trains on: checked, and identified by a digest."""

import hashlib
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.data.as_array import DataWrong, as_array

PART_BYTES = 2**24  # of an array, which are read at a time
# The seed of what ``load_data`` draws, whatever the training's is: all trainings get the same data.
SEED = 0

# One array, or a dict, list or tuple of them: what ``Model.fit`` takes.
Arrays = Any
# (x, y) or (x, y, sample_weight) of arrays, or a stream of batches.
Split = Any
Data = tuple[Split, Split]

EXPECTED = "load_data must return (x_train, y_train), (x_val, y_val)"
COMPOSITE = (tf.RaggedTensor, tf.SparseTensor)
# The labels of arrays; those of a stream may be words, which its model turns into numbers.
LABELS = ("y_train", "y_val")
TWICE = (
    "where x is also the target, as for an autoencoder, give x twice: "
    "return (x_train, x_train), (x_val, x_val)"
)


def digest_of(data: Any) -> str:
    """Return the SHA-256 of arrays, or of a structure of them, in hexadecimal.

    It covers names, types, shapes and numbers. Arrays are read a part at a time, so that those that
    lie on the disk stay there. None, which stands for a missing array, has a digest too.
    """
    sha = hashlib.sha256()
    _add_to_digest(sha, data)
    return sha.hexdigest()


def _add_to_digest(sha: Any, data: Any) -> None:
    if isinstance(data, Mapping):
        sha.update(f"dict {len(data)}".encode())
        for name in sorted(data, key=repr):
            sha.update(repr(name).encode())
            _add_to_digest(sha, data[name])
    elif isinstance(data, tuple | list):
        sha.update(f"list {len(data)}".encode())
        for item in data:
            _add_to_digest(sha, item)
    elif data is None:
        sha.update(b"None")
    else:
        _add_array_to_digest(sha, np.asarray(data))


def _add_array_to_digest(sha: Any, array: np.ndarray) -> None:
    sha.update(repr((array.dtype.str, array.shape)).encode())
    if array.dtype.kind == "O":
        for item in array.flat:
            sha.update(repr(item).encode() + b"\n")
        return
    if array.ndim == 0:
        sha.update(array.tobytes())
        return
    for part in _parts(array):
        is_empty = not part.nbytes
        sha.update(part.tobytes() if is_empty else np.ascontiguousarray(part).view(np.uint8))


def is_arrays(split: Split) -> bool:
    """Tell whether the training, or its validation, gets arrays, and no stream of batches."""
    return isinstance(split, tuple | list)


def check_data(data: Any) -> Data:
    """Return what ``load_data`` returned, with checked arrays; streams are checked elsewhere.

    Raises:
        DataWrong: it is not two parts; or arrays are empty, of unequal lengths, or hold NaN or
            infinity.
    """
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataWrong(EXPECTED)
    train, validation = data
    return tuple(
        check_part(part, f"_{kind}") if is_arrays(part) else part
        for kind, part in (("train", train), ("val", validation))
    )  # type: ignore[return-value] # two


def check_part(part: Split, suffix: str) -> tuple[Arrays, ...]:
    """Return (x, y) or (x, y, sample_weight) as NumPy arrays.

    Args:
        part: a tuple or list of them.
        suffix: what follows their names in the message of an error.

    Raises:
        DataWrong: as for ``check_data``.
    """
    if len(part) not in (2, 3):
        raise DataWrong(f"load_data gives x{suffix} alone; {TWICE}" if len(part) == 1 else EXPECTED)
    names = [f"{name}{suffix}" for name in ("x", "y", "sample_weight")[: len(part)]]
    x, y, *weights = map(_as_arrays, names, part)
    checked = (x, y, *(_weights_by_output(names[-1], weight, y) for weight in weights))
    for name, arrays in zip(names, checked, strict=True):
        _check_arrays(name, keras.tree.flatten(arrays))
        samples, others = (len(keras.tree.flatten(structure)[0]) for structure in (x, arrays))
        if samples != others:
            raise DataWrong(
                f"load_data gives {samples} samples in {names[0]} but {others} in {name}; "
                "make them equal"
            )
    return checked


def _weights_by_output(name: str, weight: Arrays, y: Arrays) -> Arrays:
    """Return weights in the structure of ``y``; as in Keras, one array may be for all outputs."""
    leaves = keras.tree.flatten(weight)
    if any(leaf.dtype.kind not in "biuf" for leaf in leaves):
        raise DataWrong(
            f"load_data gives {name} that is no array of numbers; return a weight for each sample"
        )
    if not keras.tree.is_nested(weight):
        return keras.tree.map_structure(lambda _: weight, y)
    try:
        keras.tree.assert_same_structure(y, weight)
    except ValueError:
        raise DataWrong(
            f"load_data gives {name} for other outputs than y; give each output one, or one array "
            "for all"
        ) from None
    return weight


def _as_arrays(name: str, arrays: Any) -> Arrays:
    """Return one array, or a structure of arrays; a list of numbers is an array."""
    if arrays is None and name in LABELS:
        raise DataWrong(f"load_data gives no {name}; {TWICE}")
    leaves = keras.tree.flatten(arrays)
    if not leaves:
        raise DataWrong(f"load_data gives no samples in {name}")
    try:
        if any(np.ndim(leaf) == 0 for leaf in leaves if not isinstance(leaf, COMPOSITE)):
            return as_array(arrays, name)
        checked = keras.tree.map_structure(lambda leaf: as_array(leaf, name), arrays)
    except ValueError as error:
        mend = "return arrays of numbers or strings"
        if isinstance(arrays, list | tuple):
            mend = f"lists of unequal lengths are padded by keras.utils.pad_sequences({name})"
        raise DataWrong(f"load_data gives {name} that is no array ({error}); {mend}") from error
    if isinstance(arrays, list) and len({len(leaf) for leaf in keras.tree.flatten(checked)}) > 1:
        raise DataWrong(
            f"load_data gives {name} as a list of arrays of unequal lengths; inputs of one model "
            f"need equal ones, and samples are padded by keras.utils.pad_sequences({name})"
        )
    return checked


def _check_arrays(name: str, arrays: list[np.ndarray]) -> None:
    for array in arrays:
        if array.dtype.kind not in "biufcSUO":
            raise DataWrong(
                f"load_data gives {name} of type {array.dtype}; return arrays of numbers or strings"
            )
        if array.ndim == 0 or len(array) == 0:
            raise DataWrong(f"load_data gives no samples in {name}")
        if len(array) != len(arrays[0]):
            raise DataWrong(
                f"load_data gives arrays of {len(arrays[0])} and {len(array)} samples in {name}"
            )
        if name in LABELS and array.dtype.kind in "SUO":
            raise DataWrong(
                f"{name} holds words ({reprlib.repr(array.ravel()[:3].tolist())[1:-1]}); number "
                "them before the split: classes, y = np.unique(y, return_inverse=True)"
            )
        if array.dtype.kind in "fc" and not _is_finite(array):
            raise DataWrong(f"load_data gives NaN or infinity in {name}; drop or fill them")


def _is_finite(array: np.ndarray) -> bool:
    """Tell whether all numbers are finite.

    Looking at a whole array at once would take a quarter of its size.
    """
    return all(np.isfinite(part).all() for part in _parts(array))


def _parts(array: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, PART_BYTES * len(array) // max(1, array.nbytes))
    return (array[start : start + rows] for start in range(0, len(array), rows))

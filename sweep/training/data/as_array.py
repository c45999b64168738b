"""Arrays of any library as NumPy's, or a sentence with the very call that makes them so."""

import math
import numbers
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.errors import SweepError

MISSING = ("NoneType", "NAType", "NaTType")  # the types of None, and of pandas' NA and NaT


class DataWrong(SweepError):
    """``load_data`` returned what cannot be trained on."""


def as_array(values: Any, name: str = "a batch") -> np.ndarray:
    """Return values as a NumPy array; floats are of Keras's float type.

    As in Keras, a table of booleans and numbers becomes numbers.

    Args:
        values: numbers, texts, an array, or a DataFrame or a Series of pandas.
        name: what they are called in a sentence.

    Raises:
        DataWrong: they are no array of numbers or texts; the message has the call that makes one.
    """
    pandas = sys.modules.get("pandas")
    if isinstance(values, tf.RaggedTensor):
        raise DataWrong(_as_what(name, "a RaggedTensor", f"{name}.to_tensor()"))
    if isinstance(values, tf.SparseTensor):
        raise DataWrong(_as_what(name, "a SparseTensor", f"tf.sparse.to_dense({name})"))
    if type(values).__module__.startswith("scipy.sparse"):
        kind = f"a SciPy {type(values).__name__}"
        raise DataWrong(_as_what(name, kind, f"{name}.toarray()"))
    if pandas and isinstance(values, pandas.Series):
        values = values.to_numpy(dtype=_type_of(values, name))
    elif pandas and isinstance(values, pandas.DataFrame):
        values = _of_table(values, name)
    array = np.asarray(values)
    if array.dtype.kind == "O":
        _check_objects(array, name)
    # TensorFlow reads the bytes as this machine's.
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return array.astype(_floatx(), copy=False) if array.dtype.kind == "f" else array


def _as_what(name: str, kind: str, call: str) -> str:
    return f"load_data gives {name} as {kind}; return {call}"


def _floatx() -> str:
    floatx = keras.backend.floatx()
    if floatx == "bfloat16":
        raise DataWrong(
            "floatx is bfloat16, of which NumPy has no arrays and no backup holds any; leave it "
            "float32, and for layers that compute in bfloat16 call "
            'keras.config.set_dtype_policy("mixed_bfloat16")'
        )
    return str(floatx)


def _of_table(frame: Any, name: str) -> np.ndarray:
    """Return a DataFrame as an array of the type that holds all of its columns."""
    types = [_type_of(column, f"the column {label!r} of {name}") for label, column in frame.items()]
    return np.asarray(frame.to_numpy(dtype=np.result_type(*types) if types else None))


def _type_of(column: Any, where: str) -> np.dtype[Any]:
    """Return the type of NumPy's that a column of a table becomes."""
    own = column.dtype
    if str(own) == "category":
        own = own.categories.dtype
        if own.kind not in "biuf":
            raise DataWrong(
                f"load_data gives categories in {where}; number them by .cat.codes, or make "
                "columns of them by pd.get_dummies"
            )
    if own.kind in "mM":
        raise DataWrong(
            f'load_data gives times in {where}; make numbers of them by .astype("int64")'
        )
    if own.kind in "biuf" and column.isna().any():
        raise DataWrong(f"load_data gives missing values (NaN or NA) in {where}; drop or fill them")
    if isinstance(own, np.dtype):
        return own
    # The types of numbers of pandas' own name the one of NumPy's that they are made of.
    is_number = own.kind in "biuf"
    return np.dtype(getattr(own, "subtype", None) or own.numpy_dtype if is_number else object)


def _is_missing(item: Any) -> bool:
    return type(item).__name__ in MISSING or (isinstance(item, float) and math.isnan(item))


def _check_objects(array: np.ndarray, name: str) -> None:
    """Refuse an array of anything but texts.

    Raises:
        DataWrong: the message has the call that makes numbers of it, if there is one.
    """
    others = [item for item in array.flat if not isinstance(item, str | bytes)]
    if not others:
        return
    problem, mend = f"of type {array.dtype}", "return arrays of numbers or strings"
    if all(isinstance(item, list | tuple | np.ndarray) for item in others):
        problem = "with lists in it"
        mend = f"make one array of them by np.stack({name}), or keras.utils.pad_sequences({name})"
    elif any(map(_is_missing, others)):
        problem, mend = "with missing values (None or NaN) in it", "drop or fill them"
    elif len(others) == array.size and all(isinstance(item, numbers.Number) for item in others):
        mend = f'return {name}.astype("float32")'
    elif len(others) < array.size:
        problem, mend = "with words and others in it", "number the words by pd.get_dummies"
    raise DataWrong(f"load_data gives {name} {problem}; {mend}")

"""A variable of TensorFlow or Keras as JSON with an array, and back."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweep.training.state.packing import NUMBERS, Json, StateArrays, keep_array


def underlying(variable: Any) -> Any:
    """Return the variable of TensorFlow that holds the value of a variable of Keras.

    Any other object is returned as it is.
    """
    return variable.value if isinstance(variable, keras.Variable) else variable


def save_variable(path: str, variable: Any, arrays: StateArrays) -> Json:
    """Return a variable as plain JSON; its value goes into ``arrays``."""
    value = np.asarray(underlying(variable).numpy())
    return {
        "path": path,
        "name": variable.name.partition(":")[0],
        "shape": _shape(variable),
        "value_shape": list(np.shape(value)),
        "dtype": _dtype(variable),
        "trainable": bool(variable.trainable),
        "keras": isinstance(variable, keras.Variable),
        **_save_value(value, arrays),
    }


def assign_saved(variable: Any, saved: Json, arrays: StateArrays) -> str | None:
    """Assign the saved value to a variable; return in words why it is another variable, or None."""
    present = {"shape": _shape(variable), "dtype": _dtype(variable)}
    wanted = {name: saved[name] for name in present}
    if present != wanted:
        return f"{saved['path']} has {present} in place of {wanted}"
    underlying(variable).assign(_value(saved, arrays))
    return None


def make_variable(saved: Json, arrays: StateArrays) -> Any:
    """Return a new variable like the saved one."""
    options = {name: saved[name] for name in ("trainable", "dtype", "name")}
    if saved["keras"]:
        return keras.Variable(_value(saved, arrays), **options)
    return tf.Variable(_value(saved, arrays), **options, shape=tf.TensorShape(saved["shape"]))


def _save_value(value: np.ndarray, arrays: StateArrays) -> Json:
    if value.dtype.kind in "OSU":
        return {"strings": [text.hex() for text in np.ravel(value)]}
    if value.dtype.kind in NUMBERS:
        return {"array": keep_array(value, arrays)}
    # HDF5 has no bfloat16: the bytes are saved in its place.
    return {"bytes": keep_array(np.ascontiguousarray(value).reshape(-1).view(np.uint8), arrays)}


def _value(saved: Json, arrays: StateArrays) -> np.ndarray:
    if "strings" in saved:
        texts = [bytes.fromhex(text) for text in saved["strings"]]
        return np.array(texts, object).reshape(saved["value_shape"])
    if "array" in saved:
        return arrays[saved["array"]]
    dtype = tf.as_dtype(saved["dtype"]).as_numpy_dtype
    value: np.ndarray = arrays[saved["bytes"]].view(dtype).reshape(saved["value_shape"])
    return value


def _shape(variable: Any) -> list[int | None] | None:
    shape = underlying(variable).shape
    return None if shape.rank is None else list(shape)


def _dtype(variable: Any) -> str:
    return str(tf.as_dtype(underlying(variable).dtype).name)

"""How a callback was made, to compare a longer training with a shorter one."""

from types import FunctionType
from typing import Any

import keras

from sweep.training.state.keras_attributes import CALLBACK_ATTRIBUTES
from sweep.training.state.packing import NotPacked, StateArrays, pack


def callback_fingerprint(callback: keras.callbacks.Callback) -> Any:
    """Return a value that is equal for two callbacks that were made alike.

    A function counts as its code and all that it closes over. An object that is neither plain nor
    a function counts as its type.
    """
    attributes = {
        name: _fingerprint(value)
        for name, value in vars(callback).items()
        if name not in CALLBACK_ATTRIBUTES
    }
    return type(callback).__qualname__, attributes


def _fingerprint(value: Any) -> Any:
    if isinstance(value, FunctionType):
        code = value.__code__
        closed_over = [_fingerprint(cell.cell_contents) for cell in value.__closure__ or ()]
        return code.co_code, repr(code.co_consts), closed_over, _fingerprint(value.__defaults__)
    arrays: StateArrays = {}
    try:
        packed = repr(pack(value, arrays))
    except NotPacked:
        return type(value).__qualname__
    return packed, [(array.dtype.str, array.tobytes()) for array in arrays.values()]

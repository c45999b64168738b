"""sweep.training.state.callback_fingerprint."""

from types import FunctionType
from typing import Any

import keras

from sweep.training.state.object_graph import OF_CALLBACKS
from sweep.training.state.packing import NotPacked, StateArrays, pack


def callback_fingerprint(callback: keras.callbacks.Callback) -> Any:
    """Return how the search space made a callback, in a form that is equal for two that were made alike.

    A function is its code and all that it closes over; what is neither plain nor a function is its type.
    """
    attributes = {name: value for name, value in vars(callback).items() if name not in OF_CALLBACKS}
    return type(callback).__qualname__, {name: _form(value) for name, value in attributes.items()}


def _form(value: Any) -> Any:
    if isinstance(value, FunctionType):
        closed_over = [_form(cell.cell_contents) for cell in value.__closure__ or ()]
        return (
            value.__code__.co_code,
            repr(value.__code__.co_consts),
            closed_over,
            _form(value.__defaults__),
        )
    try:
        arrays: StateArrays = {}
        return repr(pack(value, arrays)), [
            (array.dtype.str, array.tobytes()) for array in arrays.values()
        ]
    except NotPacked:
        return type(value).__qualname__

"""What callbacks put into the logs of an epoch, as numbers of Python and as cells of a table."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from sweep.training.callback_hooks import Logs

MOST_CHARACTERS = 20_000  # of a cell that is no number


def monitored_value(logs: Logs, name: str) -> float | None:
    """Return a metric of an epoch, or None where the logs have none, or no single number."""
    try:
        return float(_as_python((logs or {})[name]))
    except (KeyError, TypeError, ValueError):
        return None


def as_cells(logs: Logs) -> dict[str, Any]:
    """Return the columns of a row of ``log.csv``: numbers to the last bit, and else texts.

    Keras's CSVLogger writes other things as they print themselves. Here they have no line breaks
    and are not long, for otherwise no reader could tell the row from a torn one. A key that can be
    no name of a column is left out.
    """
    return {
        name: _cell(value)
        for name, value in (logs or {}).items()
        if isinstance(name, str) and name.isprintable() and name not in ("", "epoch")
    }


def _cell(value: Any) -> int | float | str:
    value = _as_python(value)
    if isinstance(value, int | float):
        return value
    is_several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    text = f'"[{", ".join(map(str, value))}]"' if is_several else str(value)
    return " ".join(text.splitlines())[:MOST_CHARACTERS]


def _as_python(value: Any) -> Any:
    """Return a tensor, an array or a scalar of NumPy that holds one number as that number."""
    array = value.numpy() if hasattr(value, "numpy") else value
    is_single = isinstance(array, np.ndarray | np.generic) and array.size == 1
    return array.reshape(()).item() if is_single else array

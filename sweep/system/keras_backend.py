"""The backend that the user has chosen for Keras; sweep trains on TensorFlow alone."""

import json
import os
from pathlib import Path

from sweep.errors import Misuse

VARIABLE = "KERAS_BACKEND"
TENSORFLOW = "tensorflow"


def check_backend() -> str | None:
    """Refuse another backend in the environment, and return a remark on one in ``keras.json``.

    The file holds for all programs of the user, so that none of them is refused for it.

    Raises:
        Misuse: the environment variable names another backend.
    """
    variable = os.environ.get(VARIABLE)  # Keras ignores an empty one
    if variable and variable != TENSORFLOW:
        raise Misuse(
            f"{VARIABLE} is {variable!r}, and sweep trains on TensorFlow alone: unset it, or set "
            f"it to {TENSORFLOW}."
        )
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 # as Keras
    path = Path(home, "keras.json")
    try:
        backend = json.loads(path.read_bytes())["backend"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None  # Keras takes its own default
    if variable or backend == TENSORFLOW:
        return None
    return f"{path} names the backend {backend!r}: sweep trains on TensorFlow all the same"

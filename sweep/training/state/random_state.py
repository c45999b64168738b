"""sweep.training.state.random_state."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common.global_state import get_global_attribute
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator
from tensorflow.python.eager import (
    context,
)


@contextlib.contextmanager
def drawing_again() -> Iterator[None]:
    """Put the random states that backups hold back at the end: what follows draws the same numbers once more."""
    before, value = random_states(), [np.asarray(seed) for seed in global_seed()]
    yield
    set_random_states(before)
    for seed, drawn in zip(global_seed(), value, strict=False):
        seed.assign(drawn)


def global_seed(is_needed: bool = False) -> list[keras.Variable]:
    """Return Keras's own seed, where there is one already, or ``is_needed``: to make it draws from ``random``."""
    there = is_needed or get_global_attribute(GLOBAL_SEED_GENERATOR) is not None
    return [global_seed_generator().state] if there else []


def random_states() -> Any:
    """Return the states of Python's and NumPy's own generators, and of what gives TensorFlow's eager operations seeds."""
    eager = getattr(context.context(), "_rng", None)  # before the first seed there is none
    return random.getstate(), np.random.get_state(), eager and eager.getstate()


def set_random_states(states: Any) -> None:
    python, numpy, eager = states
    random.setstate(python)
    np.random.set_state(numpy)
    if eager:
        context.context()._rng.setstate(eager)  # noqa: SLF001


def older_random_states(plain: dict[str, Any]) -> Any:
    """Return the random states of a backup that an older version wrote."""
    return {"tuple": [plain["python_random"], plain["numpy_random"], None]}

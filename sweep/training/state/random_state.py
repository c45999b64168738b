"""Random numbers: the states of all generators, read and set.

Python, NumPy and TensorFlow have one generator each for the whole process. Keras has a global
seed. The user may have made generator objects of their own.
"""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common.global_state import get_global_attribute

# No public names: layers without a seed draw from it.
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator

# No public name: its generator gives eager operations their seeds.
from tensorflow.python.eager import context

from sweep.training.state.packing import Json


def random_states() -> Any:
    """Return the states of the generators of Python, NumPy and TensorFlow's eager operations."""
    eager = getattr(context.context(), "_rng", None)  # before the first seed there is none
    return random.getstate(), np.random.get_state(), eager and eager.getstate()


def set_random_states(states: Any) -> None:
    """Set the states that ``random_states`` returned."""
    python, numpy, eager = states
    random.setstate(python)
    np.random.set_state(numpy)
    if eager:
        context.context()._rng.setstate(eager)  # noqa: SLF001


def older_random_states(state: Json) -> Any:
    """Return the packed random states of a backup that an older version wrote."""
    return {"tuple": [state["python_random"], state["numpy_random"], None]}


@contextlib.contextmanager
def drawing_again() -> Iterator[None]:
    """Restore the random states at the end, so that what follows draws the same numbers again."""
    before, values = random_states(), [np.asarray(seed) for seed in global_seed()]
    yield
    set_random_states(before)
    for seed, value in zip(global_seed(), values, strict=False):
        seed.assign(value)


def global_seed(is_needed: bool = False) -> list[keras.Variable]:
    """Return Keras's own seed, if it exists already or ``is_needed``.

    To make it draws from ``random``.
    """
    exists = is_needed or get_global_attribute(GLOBAL_SEED_GENERATOR) is not None
    return [global_seed_generator().state] if exists else []


def new_generator(type_name: str) -> Any:
    """Return a new generator of Python or NumPy, by the full name of its type."""
    if type_name == "random.Random":
        return random.Random()  # as the user does
    if type_name.endswith("Generator"):
        return np.random.default_rng(0)
    return np.random.RandomState(0)


def generator_state(generator: Any) -> Any:
    """Return the state of a generator object of Python or NumPy."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state()


def set_generator_state(generator: Any, state: Any) -> None:
    """Set the state that ``generator_state`` returned."""
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)

"""The phases of a training: the epochs of each, and what prepares the model for it."""

from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

from sweep.space.arguments import taking
from sweep.space.mistakes import SearchSpaceWrong, mistakes_in

Parameters = dict[str, Any]
EXAMPLE = "[(5, None), (10, fine_tune)]"


class Phase(NamedTuple):
    """A part of a training: its number of epochs, and what prepares the model for it, or None.

    ``prepare`` gets the model and the parameters. It changes the model, and compiles it. ``source``
    tells in a sentence where it stands.
    """

    epochs: int
    prepare: Callable[[Any, Parameters], Any] | None = None
    source: str = ""


Phases = tuple[Phase, ...]


def are_extended(shorter: Phases, longer: Phases) -> bool:
    """Tell whether a longer training begins with the phases of a shorter one, the last extended."""
    *whole, last = (phase.epochs for phase in shorter)
    begun = [phase.epochs for phase in longer[: len(shorter)]]
    return begun[:-1] == whole and begun[-1] >= last


def reading_phases(function: Callable[..., Any], path: Path) -> Callable[[Parameters], Phases]:
    """Return a function that returns the phases for some parameters.

    Args:
        function: ``phases`` of the search space.
        path: of the search space.

    Raises:
        SearchSpaceWrong: from the returned function, where ``phases`` raises or returns something
            else than pairs.
    """
    user_phases = taking(function, ("parameters",), path)

    def read(parameters: Parameters) -> Phases:
        with mistakes_in(path):
            returned = user_phases(dict(parameters))
            phases = tuple(_phase(pair, path) for pair in _pairs(returned))
        if not phases:
            raise SearchSpaceWrong(f"{path}: phases returns {returned!r}; return {EXAMPLE}.")
        return phases

    return read


def _pairs(returned: Any) -> list[Any]:
    return list(returned) if isinstance(returned, list | tuple) else []


def _phase(pair: Any, path: Path) -> Phase:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise SearchSpaceWrong(
            f"{path}: phases has {pair!r}; write pairs of epochs and a function or None, {EXAMPLE}."
        )
    epochs, prepare = pair
    if isinstance(epochs, bool) or not isinstance(epochs, Integral) or epochs < 1:
        raise SearchSpaceWrong(
            f"{path}: phases has {epochs!r} epochs; give an integer from 1 on, as in {EXAMPLE}."
        )
    if prepare is None:
        return Phase(int(epochs), None)
    if not callable(prepare):
        raise SearchSpaceWrong(
            f"{path}: phases has {prepare!r} to prepare the model; give a function of the model "
            "and the parameters, or None."
        )
    function = taking(prepare, ("model", "parameters"), path)
    return Phase(int(epochs), function, f"{path}, {getattr(prepare, '__name__', 'phases')}")

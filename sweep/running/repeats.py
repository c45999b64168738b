"""The experiences of one trial, which differ in their seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sweep.experience.folder import Experience
from sweep.running.context import SweepContext
from sweep.space.identity import id_experience
from sweep.space.search_space import SEEDS


@dataclass(frozen=True)
class Repeat:
    """One experience of a trial: its ``number``, from 0, of so many (``count``)."""

    experience: Experience
    parameters: dict[str, Any]
    number: int
    count: int

    @property
    def is_first(self) -> bool:
        return self.number == 0


def repeats_of(
    parameters: dict[str, Any], count: int, context: SweepContext, fence: Callable[[], None]
) -> list[Repeat]:
    """Return the experiences of a trial, in their order.

    Args:
        parameters: of the trial; the first experience has their seed, the next ones those above it.
        count: how many experiences there are.
        context: of the sweep.
        fence: raises where another sweep has taken the root over; each experience calls it before
            it writes.
    """
    repeats = []
    for number in range(count):
        own_seed = {**parameters, "seed": (parameters["seed"] + number) % SEEDS}
        path = context.root / id_experience(context.space.source.name, own_seed)
        repeats.append(Repeat(Experience(path, fence), own_seed, number, count))
    return repeats

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
    """One experience of a trial: number ``repeat`` (from 0) of so many ``repeats``."""

    experience: Experience
    parameters: dict[str, Any]
    repeat: int
    repeats: int

    @property
    def is_first(self) -> bool:
        return self.repeat == 0


def repeats_of(
    parameters: dict[str, Any], repeats: int, context: SweepContext, fence: Callable[[], None]
) -> list[Repeat]:
    """Return the experiences of a trial, in their order.

    Args:
        parameters: of the trial; the first experience has their seed, the next ones those above it.
        repeats: how many experiences there are.
        context: of the sweep.
        fence: raises where another sweep has taken the root over; each experience calls it before
            it writes.
    """
    experiences = []
    for repeat in range(repeats):
        own_seed = {**parameters, "seed": (parameters["seed"] + repeat) % SEEDS}
        path = context.root / id_experience(context.space.source.name, own_seed)
        experiences.append(Repeat(Experience(path, fence), own_seed, repeat, repeats))
    return experiences

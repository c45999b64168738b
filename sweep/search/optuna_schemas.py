"""The shape and bounds of a trial of Optuna's in ``experience.json``, which anybody may write."""

import sys
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta, Struct

from sweep.experience.schemas import MOST_INTEGER, Name, Params
from sweep.system.json_text import Time

Real = Annotated[float, Meta(ge=-1e100, le=1e100)]  # a sampler squares it
LARGEST_FLOAT = int(sys.float_info.max)
Integer = Annotated[int, Meta(ge=-MOST_INTEGER, le=MOST_INTEGER)]


class FloatRange(Struct):
    """See ``optuna.distributions.FloatDistribution``."""

    low: Real
    high: Real
    step: Real | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if self.step is not None and not self.high - self.low <= self.step * MOST_INTEGER:
            raise ValueError(
                f"step is {self.step}, of which there are too many from {self.low} to {self.high}"
            )


class IntRange(Struct):
    """See ``optuna.distributions.IntDistribution``."""

    low: Integer
    high: Integer
    step: Integer = 1
    log: bool = False


class Choices(Struct):
    """See ``optuna.distributions.CategoricalDistribution``; JSON has made a tuple a list."""

    choices: Annotated[
        list[bool | int | float | str | list[Any] | None], Meta(min_length=1, max_length=10_000)
    ]

    def __post_init__(self) -> None:
        for choice in self.choices:
            if isinstance(choice, int) and abs(choice) > LARGEST_FLOAT:  # Optuna compares floats
                raise ValueError("one of its choices is too large")


class FloatDistribution(Struct, tag_field="name", tag="FloatDistribution"):
    """As Optuna writes it."""

    attributes: FloatRange


class IntDistribution(Struct, tag_field="name", tag="IntDistribution"):
    """As Optuna writes it."""

    attributes: IntRange


class CategoricalDistribution(Struct, tag_field="name", tag="CategoricalDistribution"):
    """As Optuna writes it."""

    attributes: Choices


class Attributes(TypedDict):
    """The attributes of a trial: those of the user and those of Optuna."""

    user: NotRequired[dict[str, Any]]
    system: NotRequired[dict[str, Any]]


class OptunaTrial(TypedDict):
    """The part of an entry of ``Record.trials`` that Optuna uses."""

    params: Params
    distributions: dict[Name, FloatDistribution | IntDistribution | CategoricalDistribution]
    begun: NotRequired[Time | None]
    attributes: NotRequired[Attributes]

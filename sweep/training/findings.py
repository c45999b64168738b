"""What the preparation of a training finds out, until its session writes it into the record."""

from dataclasses import dataclass, field
from typing import Any

from sweep.space.objectives import Objectives


@dataclass
class Findings:
    """What the preparation of a training finds out.

    Attributes:
        data: the kind of the training data, as in the record.
        data_identity: what these data are, as in the record.
        objectives: those of the training.
        count_params: the number of weights of the model.
        approximate_because: reasons why the training may differ from an uninterrupted one.
    """

    data: str | None = None
    data_identity: dict[str, Any] | None = None
    objectives: Objectives = ()
    count_params: int | None = None
    approximate_because: list[str] = field(default_factory=list)

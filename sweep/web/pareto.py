"""The finished trials by two objectives, with the Pareto front."""

from dataclasses import dataclass

from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.web.axes import is_drawable


@dataclass(frozen=True)
class FrontView:
    """The finished trials by the first two objectives.

    ``points`` are the values of the two objectives in ``names``. ``on_front`` tells which trials
    are on the Pareto front of all objectives.
    """

    names: tuple[str, str]
    numbers: list[int]
    points: list[tuple[float, float]]
    on_front: list[bool]


def front_view_of(snapshot: Snapshot) -> FrontView:
    """Return the finished trials of a sweep that has several objectives."""
    first, second = (objective.name for objective in snapshot.objectives[:2])
    trials = [
        trial
        for trial in snapshot.trials
        if trial.state is State.FINISHED
        and is_drawable(trial.values.get(first))
        and is_drawable(trial.values.get(second))
    ]
    return FrontView(
        names=(first, second),
        numbers=[trial.number for trial in trials],
        points=[(trial.values[first], trial.values[second]) for trial in trials],
        on_front=[trial.number in snapshot.front for trial in trials],
    )

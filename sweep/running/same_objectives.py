"""All trainings of a sweep have the same objectives."""

from sweep.errors import SweepError
from sweep.experience.record import Record
from sweep.running.context import SweepContext
from sweep.space.objectives import Objectives


class SameObjectives:
    """The objectives that each training must have. Its methods may be called from any thread.

    Args:
        context: of the sweep; where MONITOR is left out and nothing is trained yet, its search
            space has several possible ones, and the first training says which they are.
    """

    def __init__(self, context: SweepContext) -> None:
        self._space, self._root = context.space, context.root
        self._objectives = None if context.space.is_unnamed else context.space.objectives

    def expected(self) -> Objectives | None:
        """Return the objectives of the next training; None where its model says which."""
        return self._objectives

    def compare(self, record: Record) -> None:
        """Let the objectives of the first training be those of all.

        Raises:
            SweepError: this training, which has begun beside the first one, had others.
        """
        objectives = tuple(record.objectives)
        if not self._objectives and record.sessions:
            self._objectives = objectives
        elif self._objectives and record.sessions and objectives != self._objectives:
            one, other = self._objectives[0].name, objectives[0].name
            raise SweepError(
                f"{self._space.source.path}: build_model gives the trainings of {self._root} "
                f"{one} or {other}, by their parameters: give the metric one name, and take "
                "another --root."
            )

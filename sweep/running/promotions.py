"""Which paused training is taken further, and how far."""

from collections.abc import Collection
from dataclasses import dataclass

from sweep.running.limits import Limits
from sweep.running.standings import Standings
from sweep.search.scheduler import Scheduler, Stage, Standing
from sweep.search.study import Study


@dataclass(frozen=True)
class Further:
    """An experience to be trained further; ``until`` is the epoch before which it is paused."""

    id_experience: str
    until: int | None = None


class Promotions:
    """Says which paused experience is trained further. It changes nothing.

    Args:
        scheduler: compares those that are paused at one rung; None leaves all of them paused.
        standings: how far all have come.
        limits: say whether a trial may still be proposed, and a paused one taken further.
        study: knows how many trials there are.
        finish: how many of the best are trained to their last epochs at the end; None is all.
        promotes: whether the scheduler takes anything further; else it only says where new
            trainings are paused.
    """

    def __init__(
        self,
        scheduler: Scheduler | None,
        standings: Standings,
        limits: Limits,
        study: Study,
        finish: int | None,
        promotes: bool = True,
    ) -> None:
        self._scheduler, self._standings, self._limits = scheduler, standings, limits
        self._study, self._finish, self._promotes = study, finish, promotes

    def first_until(self, name: str, number: int, epochs: int) -> int | None:
        """Return the epoch before which a trial is paused that was not trained yet; None is never.

        Args:
            name: the id of its experience, which may be that of an earlier trial, too.
            number: of the trial.
            epochs: of the whole training.
        """
        if not self._scheduler:
            return None
        earlier = self._standings.of(name)
        if not earlier:
            return self._scheduler.until(number, epochs)
        if earlier.stage is Stage.PAUSED:
            return earlier.reached  # it waits with the other
        return self._scheduler.until(earlier.number, epochs, earlier.reached)

    def next(self) -> Further | None:
        """Return what the scheduler takes further now; None where there is nothing."""
        may_promote = self._promotes and self._limits.next_step().may_begin
        if not self._scheduler or not may_promote:
            return None
        standings, is_last = self._standings.by_id(), not self._limits.next_trial().may_begin
        best = self._scheduler.next_to_resume(standings.values(), self._study.count(), is_last)
        if not best:
            return None
        name = next(name for name, standing in standings.items() if standing is best)
        return Further(name, self._scheduler.until(best.number, best.epochs, best.reached))

    def to_finish(self) -> list[str]:
        """Return the paused ones of the best, the best first: to be finished at the end."""
        standings = self._standings.by_id()
        ranked = sorted(
            (standing.rank_at(standing.epochs), standing.number, name)
            for name, standing in standings.items()
            if standing.stage is not Stage.FAILED
        )
        best = [name for *_, name in ranked[: self._finish]]
        return [name for name in best if standings[name].stage is Stage.PAUSED]

    def in_order(self, names: Collection[str]) -> list[str]:
        """Return those of these experiences that are paused, by the numbers of their trials."""
        standings = self._standings.by_id()
        paused: list[tuple[Standing, str]] = [
            (standings[name], name)
            for name in names
            if name in standings and standings[name].stage is Stage.PAUSED
        ]
        return [name for standing, name in sorted(paused, key=lambda one: one[0].number)]

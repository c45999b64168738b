"""How far the experiences of a sweep have come: what its scheduler decides by."""

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from sweep.experience.folder import Experience
from sweep.experience.log_csv import best_of, read_curve
from sweep.experience.record import Record, State, state_of
from sweep.search.scheduler import Stage, Standing
from sweep.space.search_space import SearchSpace

STAGES = {
    State.FINISHED: Stage.OVER,
    State.PRUNED: Stage.OVER,
    State.FAILED: Stage.FAILED,
    State.PAUSED: Stage.PAUSED,
}
Values = dict[int, float]


@dataclass(frozen=True)
class _Entry:
    """One experience: ``committed`` epochs of it are trained, or are being trained.

    ``standing`` is None where it decides nothing: it differs from the first experience of its
    trials in its seed. ``open_trials`` are the numbers of those that have led there and have not
    ended. ``values`` are the best ones so far, by epoch, up to the latest pause.
    """

    committed: int
    standing: Standing | None = None
    open_trials: tuple[int, ...] = ()
    values: Values = field(default_factory=dict)


class Standings:
    """How far the experiences have come, by their ids: read once, and kept up to date.

    Its methods may be called from any thread.

    Args:
        space: of the sweep; its constraints make an experience the last of its rung.
        folders: of the sweep.
        done: is called after each of them.
    """

    def __init__(
        self,
        space: SearchSpace,
        folders: Iterable[tuple[Experience, Record]],
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self._space, self._lock = space, threading.Lock()
        self._entries: dict[str, _Entry] = {}
        for experience, record in folders:
            self._entries[experience.id] = self._entry(experience, record)
            done()

    def begin(self, name: str, number: int, epochs: int, until: int | None) -> None:
        """Note that a training begins or goes on.

        Args:
            name: its id.
            number: of its trial.
            epochs: of the whole training.
            until: the epoch before which it is paused; None is never.
        """
        new = _Entry(0, Standing(number, epochs, 0, (), Stage.UNDER_WAY))
        with self._lock:
            entry = self._entries.get(name, new)
            standing = entry.standing and replace(entry.standing, stage=Stage.UNDER_WAY)
            committed = epochs if until is None else until
            self._entries[name] = replace(entry, committed=committed, standing=standing)

    def settle(self, experience: Experience, record: Record) -> None:
        """Note how far a training is that was paused, or has ended."""
        entry = self._entry(experience, record)
        with self._lock:
            self._entries[experience.id] = entry

    def of(self, name: str) -> Standing | None:
        """Return the standing of an experience; None where it has not begun, or decides nothing."""
        with self._lock:
            entry = self._entries.get(name)
        return entry.standing if entry else None

    def by_id(self) -> dict[str, Standing]:
        """Return all standings."""
        with self._lock:
            entries = list(self._entries.items())
        return {name: entry.standing for name, entry in entries if entry.standing}

    def has_paused(self) -> bool:
        """Tell whether any training was paused: it is none that has failed."""
        return any(standing.reached for standing in self.by_id().values())

    def best_of_paused(self) -> dict[int, float]:
        """Return the best value so far of each trial that was paused and keeps the constraints."""
        with self._lock:
            entries = [entry for entry in self._entries.values() if entry.values]
        return {
            number: entry.values[max(entry.values)]
            for entry in entries
            if entry.standing and math.isfinite(entry.standing.rank_at(entry.standing.epochs))
            for number in entry.open_trials
        }

    def epochs(self) -> int:
        """Return how many epochs are trained, or are being trained."""
        with self._lock:
            return sum(entry.committed for entry in self._entries.values())

    def values_of_paused(self) -> dict[int, Values]:
        """Return by number the values of the trials that were paused, see ``values_of``."""
        with self._lock:
            entries = [entry for entry in self._entries.values() if entry.values]
        return {number: entry.values for entry in entries for number in entry.open_trials}

    def values_of(self, name: str) -> Values:
        """Return the best value so far of an experience, after each epoch up to its pause."""
        with self._lock:
            return self._entries[name].values

    def _entry(self, experience: Experience, record: Record) -> _Entry:
        stage = STAGES.get(state_of(record), Stage.UNDER_WAY)
        curve, epochs = read_curve(experience.log, record.objective.name), _epochs(record)
        if stage in (Stage.UNDER_WAY, Stage.PAUSED):
            curve = curve[: record.paused_at()]
        committed = len(curve)
        if stage is Stage.UNDER_WAY:
            until = record.sessions[-1].until if record.sessions else None
            committed = epochs if until is None else until
        deciding = [entry for entry in record.trials if not entry.repeat]
        if not deciding:
            return _Entry(committed)
        so_far = _ranks_so_far(curve, record)
        is_feasible = self._is_feasible(experience, record, curve)
        ranks = so_far if is_feasible else [math.inf] * len(so_far)
        number = min(entry.number for entry in deciding)
        return _Entry(
            committed,
            Standing(number, epochs, record.paused_at(), ranks, stage),
            tuple(entry.number for entry in deciding if not record.outcome),
            {
                epoch: record.objective.rank(rank)
                for epoch, rank in enumerate(so_far)
                if math.isfinite(rank)
            },
        )

    def _is_feasible(self, experience: Experience, record: Record, curve: list[float]) -> bool:
        best = best_of(curve, record.objective)
        if record.outcome or not self._space.constraints or not best:
            return record.outcome is None or record.outcome.is_feasible
        results = experience.results(record, best.epoch)
        constraints = self._space.constraints_of(record.parameters, results)
        return all(value <= 0 for value in constraints or ())


def _epochs(record: Record) -> int:
    return int(record.parameters["epochs"])


def _ranks_so_far(curve: list[float], record: Record) -> list[float]:
    """Return the rank of the best epoch so far, after each epoch; infinity before any value."""
    ranks, best = list[float](), math.inf
    for value in curve:
        if not math.isnan(value):
            best = min(best, record.objective.rank(value))
        ranks.append(best)
    return ranks

"""The experiences of a sweep as runs of another tool."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sweep.experience.logged_metrics import logged_metrics
from sweep.experience.record import State
from sweep.experience.session_spans import SessionSpan, spans_of
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView


@dataclass(frozen=True)
class Run:
    """One experience.

    ``metrics`` has the values of each metric by epoch, NaN where an epoch has none; ``times`` has
    about when each epoch ended, in UTC. ``values`` are the objectives, once it has finished.
    """

    id: str
    trial: int
    state: State
    begun: datetime
    parameters: dict[str, Any]
    metrics: dict[str, list[float]]
    times: list[datetime]
    values: dict[str, float]
    approximate_because: str

    @property
    def best(self) -> dict[str, float]:
        """The objectives under names of their own, which no metric has."""
        named = {f"best {name}": value for name, value in self.values.items()}
        return {name: value for name, value in named.items() if name not in self.metrics}

    @property
    def digest(self) -> str:
        """What tells whether a run has changed since it was exported."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


class Target(Protocol):
    """Where runs are exported to."""

    def write(self, run: Run) -> bool:
        """Write a run, or what is new of it; return whether anything was new."""

    def close(self) -> None:
        """End what was opened."""


def runs_of(snapshot: Snapshot) -> list[Run]:
    """Return each experience that has trained an epoch, by its first trial."""
    trained = [training for training in snapshot.trainings if training.curve]
    runs = [_run_of(training) for training in sorted(trained, key=lambda one: one.trial)]
    return [run for run in runs if run.times]


def _run_of(training: TrainingView) -> Run:
    record, metrics = training.record, logged_metrics(training)
    sessions, trials = record.sessions, record.trials
    moments = [*(one.begun for one in sessions), *(one.begun for one in trials if one.begun)]
    begun = datetime.fromisoformat(moments[0]) if moments else datetime.fromtimestamp(0, UTC)
    # A resume may have cut the log back since it was looked at.
    epochs = max(map(len, metrics.values()), default=0)
    values = {record.objective.name: training.best.value} if training.best else {}
    if record.outcome:
        values |= record.outcome.values
    return Run(
        id=training.experience.id,
        trial=training.trial,
        state=training.state,
        begun=begun,
        parameters=record.parameters,
        metrics=metrics,
        times=epoch_ends(list(spans_of(training)), epochs, begun),
        values=values if training.state is State.FINISHED else {},
        approximate_because=record.approximate_because or "",
    )


def epoch_ends(spans: list[SessionSpan], epochs: int, begun: datetime) -> list[datetime]:
    """Return about when each epoch ended: a session is taken to have trained at an even pace.

    Args:
        spans: the sessions of one experience; none of one that extends another, at first.
        epochs: how many it has logged.
        begun: the time of what was logged before any session.
    """
    return [_end_of(spans, epoch + 1.0) if spans else begun for epoch in range(epochs)]


def _end_of(spans: list[SessionSpan], position: float) -> datetime:
    span = next((span for span in spans if span.to_epoch >= position), spans[-1])
    length = span.to_epoch - span.from_epoch
    share = (position - span.from_epoch) / length if length > 0 else 1.0
    return span.begun + (span.ended - span.begun) * min(max(share, 0.0), 1.0)

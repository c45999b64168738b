"""The sessions of the experiences as spans of time and of epochs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sweep.experience.accounting import session_ends
from sweep.experience.entries import Session, SessionEnd
from sweep.experience.record import State
from sweep.experience.snapshot import Snapshot
from sweep.experience.views import TrainingView

ENDINGS = ("cut", "stopped", "paused", "outcome", "running")


@dataclass(frozen=True)
class SessionSpan:
    """One session of one experience.

    ``trial`` is the first trial of the experience, ``number`` counts its sessions from 0. ``begun``
    and ``ended`` are in UTC. ``ending`` is one of ``ENDINGS``. ``from_epoch`` and ``to_epoch``
    count from 0, with the trained batches of an epoch as its fraction.
    """

    id_experience: str
    trial: int
    number: int
    begun: datetime
    ended: datetime
    ending: str
    from_epoch: float
    to_epoch: float


def session_spans_of(snapshot: Snapshot) -> list[SessionSpan]:
    """Return all sessions of a sweep, by trial and in the order in which they began."""
    trainings = sorted(snapshot.trainings, key=lambda training: training.trial)
    return [span for training in trainings for span in spans_of(training)]


def spans_of(training: TrainingView) -> Iterator[SessionSpan]:
    """Yield the sessions of one experience."""
    sessions = training.record.sessions
    ends = session_ends(training.record, training.heartbeat)
    for number, (session, end) in enumerate(zip(sessions, ends, strict=True)):
        ending = end.how if session.ended else _ending_without_end(training)
        begun = datetime.fromisoformat(session.begun)
        yield SessionSpan(
            id_experience=training.experience.id,
            trial=training.trial,
            number=number,
            begun=begun,
            ended=begun + timedelta(seconds=end.trained_s),
            # A newer version of sweep may write endings that this one does not know.
            ending=ending if ending in ENDINGS else "stopped",
            from_epoch=_position(session, session),
            to_epoch=_position(end, session),
        )


def _ending_without_end(training: TrainingView) -> str:
    """Return how a session ended whose end is not in the record."""
    return "running" if training.state is State.RUNNING else "cut"


def _position(point: Session | SessionEnd, session: Session) -> float:
    """Return the position of a point of a session, in epochs."""
    fraction = point.batch / session.batches if session.batches else 0
    return float(point.epoch + fraction)

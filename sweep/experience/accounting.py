"""The cost of a sweep so far and of its interruptions, in seconds and batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sweep.experience import backup_files
from sweep.experience.entries import Comparison, Session, SessionEnd
from sweep.experience.folder import Experience
from sweep.experience.heartbeat import Heartbeat, last_heartbeat
from sweep.experience.position import Position
from sweep.experience.record import Record, State

ASSUMED_CUT_EVERY_S = 2 * 3600.0


@dataclass(frozen=True)
class Work:
    """Seconds and batches of training.

    What a session trained after its last heartbeat, a few seconds at most, is not counted.
    ``prepared_s`` is the time before the first batches of the sessions. ``repeated_s`` and
    ``repeated_batches`` were trained again after interruptions. ``at_risk_s`` and
    ``at_risk_batches`` are in no backup: an interruption would lose them, or has. ``left_batches``
    are those of the begun trainings that are still to be trained. Of the ``resumes``, ``proven``
    gave the same results as before wherever there was something to compare, ``inexact`` did not,
    and the others had nothing to be compared with.
    """

    sessions: int = 0
    cuts: int = 0
    trained_s: float = 0.0
    prepared_s: float = 0.0
    batches: int = 0
    repeated_s: float = 0.0
    repeated_batches: int = 0
    at_risk_s: float = 0.0
    at_risk_batches: int = 0
    left_batches: int = 0
    resumes: int = 0
    proven: int = 0
    inexact: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def work_of(
    experience: Experience, record: Record, state: State, heartbeat: Heartbeat | None
) -> Work:
    """Return the work in an experience.

    Args:
        experience: to account for.
        record: of the experience.
        state: of the experience, see ``shown_state``.
        heartbeat: of the last session, see ``last_heartbeat``.
    """
    sessions, ends = record.sessions, session_ends(record, heartbeat)
    total = Work(sessions=len(sessions))
    for number, (session, end) in enumerate(zip(sessions, ends, strict=True)):
        following = sessions[number + 1] if number + 1 < len(sessions) else None
        total += _work_of_session(session, end, following)
        is_cut = end.how == "cut" if session.ended else state is State.CUT_OFF
        total += Work(resumes=number > 0, cuts=is_cut)
        if not following and state in (State.RUNNING, State.CUT_OFF):
            reached = batches_before(end, session)
            total += _open_end(experience, record, heartbeat, session, reached)
    return total


def cut_every_s(record: Record) -> float:
    """Return the mean time between two cuts of a training, in seconds, by its sessions so far.

    Before there is any, a cut every two hours is assumed, as on Colab.
    """
    ends = [session.ended for session in record.sessions if session.ended]
    cuts = sum(end.how == "cut" for end in ends)
    return (ASSUMED_CUT_EVERY_S + sum(end.trained_s for end in ends)) / (1 + cuts)


def trained_s(folders: Iterable[tuple[Experience, Record]]) -> float:
    """Return the seconds in which a training ran or was prepared; overlapping times count once."""
    total, until = 0.0, 0.0
    spans = (span for experience, record in folders for span in _spans(experience, record))
    for begun, ended in sorted(spans):
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total


def _spans(experience: Experience, record: Record) -> Iterator[tuple[float, float]]:
    """Yield when each session began to prepare and when it last gave a sign of life, in seconds."""
    ends = session_ends(record, last_heartbeat(experience, record))
    for session, end in zip(record.sessions, ends, strict=True):
        begun = datetime.fromisoformat(session.begun).timestamp()
        yield begun - (end.prepared_s or 0.0), begun + end.trained_s


def _work_of_session(session: Session, end: SessionEnd, following: Session | None) -> Work:
    """Return the work of a session; what the ``following`` session trains again is repeated."""
    reached = batches_before(end, session)
    batches = max(0, reached - batches_before(session, session))
    repeated = max(0, reached - batches_before(following, session)) if following else 0
    proof = session.proof or Comparison()
    return Work(
        proven=proof.compared > 0 and not proof.differs,
        inexact=bool(proof.differs),
        trained_s=end.trained_s,
        prepared_s=end.prepared_s or 0.0,
        batches=batches,
        repeated_batches=repeated,
        repeated_s=end.trained_s * repeated / batches if batches else 0.0,
    )


def _open_end(
    experience: Experience,
    record: Record,
    heartbeat: Heartbeat | None,
    session: Session,
    reached: int,
) -> Work:
    """Return the work of an unended training that is in no backup, and the work left to do."""
    position = backup_files.newest_position(experience.sauvegarde)
    saved = batches_before(position, session) if position else 0
    return Work(
        at_risk_s=heartbeat.unsaved_s if heartbeat else 0.0,
        at_risk_batches=max(0, reached - saved),
        left_batches=max(0, record.parameters.get("epochs", 0) * (session.batches or 0) - saved),
    )


def batches_before(position: Session | SessionEnd | Position, session: Session) -> int:
    """Return how many batches of the whole training lie before a position."""
    return position.epoch * (session.batches or 0) + position.batch


def have_trained(experience: Experience, record: Record, since: int = 0) -> bool:
    """Tell whether a session, from number ``since`` on, has trained a batch.

    The end or the last heartbeat of each session tells.
    """
    ends = session_ends(record, last_heartbeat(experience, record))
    return any(
        (end.epoch, end.batch) > (session.epoch, session.batch)
        for session, end in list(zip(record.sessions, ends, strict=True))[since:]
    )


def session_ends(record: Record, heartbeat: Heartbeat | None) -> list[SessionEnd]:
    """Return where each session ended.

    The last heartbeat tells where the last session ended, if its end was not written.

    Args:
        record: of the experience.
        heartbeat: of the last session, see ``last_heartbeat``.
    """
    heartbeats = [*[None] * (len(record.sessions) - 1), heartbeat]
    return [
        session.ended or _unsaid_end(session, last)
        for session, last in zip(record.sessions, heartbeats, strict=False)
    ]


def _unsaid_end(session: Session, last: Heartbeat | None) -> SessionEnd:
    if last:
        return SessionEnd(epoch=last.epoch, batch=last.batch, trained_s=last.trained_s)
    return SessionEnd(epoch=session.epoch, batch=session.batch, trained_s=0.0)

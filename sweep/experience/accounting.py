"""What a sweep has cost so far, and what its cuts have: seconds and batches, from the sessions in the folders."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sweep.experience import backup_files
from sweep.experience.entries import Comparison, Session, SessionEnd
from sweep.experience.folder import Experience
from sweep.experience.heartbeat import Heartbeat, last_heartbeat
from sweep.experience.lease import shown_state
from sweep.experience.position import Position
from sweep.experience.record import Record, State


@dataclass(frozen=True)
class Work:
    """Seconds and batches of training. What came after a session's last sign of life, at most seconds, is in none of them.

    ``prepared_s`` is the time before the first batches of the sessions; ``twice_s`` and ``twice_batches`` are what was
    trained again after cuts; ``at_risk_s`` and ``at_risk_batches`` are in no backup: a cut would lose them, or has.
    ``left_batches`` are those of the begun trainings that are still to be trained. Of the ``resumes``, ``proven`` have met
    again all that they were compared with, ``inexact`` have not, and the others had nothing to be compared with.
    """

    sessions: int = 0
    cuts: int = 0
    trained_s: float = 0.0
    prepared_s: float = 0.0
    batches: int = 0
    twice_s: float = 0.0
    twice_batches: int = 0
    at_risk_s: float = 0.0
    at_risk_batches: int = 0
    left_batches: int = 0
    resumes: int = 0
    proven: int = 0
    inexact: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def work_of(folders: Iterable[tuple[Experience, Record]]) -> Work:
    """Return the work in these experiences together."""
    total = Work()
    for experience, record in folders:
        total += _work_of_one(experience, record)
    return total


def trained_s(folders: Iterable[tuple[Experience, Record]]) -> float:
    """Return the seconds in which anything was trained, or prepared to be: what ran side by side counts once."""
    total, until = 0.0, 0.0
    for begun, ended in sorted(
        span for experience, record in folders for span in _spans(experience, record)
    ):
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total


def _spans(experience: Experience, record: Record) -> Iterator[tuple[float, float]]:
    """Yield when each session began to prepare and when it was last known to live, in seconds."""
    for session, end in zip(
        record.sessions, session_ends(record, last_heartbeat(experience, record)), strict=True
    ):
        begun = datetime.fromisoformat(session.begun).timestamp()
        yield begun - (end.prepared_s or 0.0), begun + end.trained_s


def _work_of_one(experience: Experience, record: Record) -> Work:
    state, heartbeat = shown_state(experience, record), last_heartbeat(experience, record)
    total = Work(sessions=len(record.sessions))
    for number, (session, end) in enumerate(
        zip(record.sessions, session_ends(record, heartbeat), strict=True)
    ):
        is_last = number + 1 == len(record.sessions)
        begun, reached = batches_at(session, session), batches_at(end, session)
        following = None if is_last else batches_at(record.sessions[number + 1], session)
        twice = max(0, reached - following) if following is not None else 0
        batches = max(0, reached - begun)
        proof = session.proof or Comparison()
        total += Work(
            resumes=number > 0,
            proven=proof.compared > 0 and not proof.differs,
            inexact=bool(proof.differs),
            cuts=end.how == "cut" if session.ended else state is State.CUT_OFF,
            trained_s=end.trained_s,
            prepared_s=end.prepared_s or 0.0,
            batches=batches,
            twice_batches=twice,
            twice_s=end.trained_s * twice / batches if batches else 0.0,
        )
        if is_last and state in (State.RUNNING, State.CUT_OFF):
            total += _open_end(experience, record, heartbeat, session, reached)
    return total


def _open_end(
    experience: Experience,
    record: Record,
    heartbeat: Heartbeat | None,
    session: Session,
    reached: int,
) -> Work:
    """Return what of a training that has not ended is in no backup, and what is left of it."""
    position = backup_files.newest_position(experience.sauvegarde)
    saved = batches_at(position, session) if position else 0
    return Work(
        at_risk_s=heartbeat.unsaved_s if heartbeat else 0.0,
        at_risk_batches=max(0, reached - saved),
        left_batches=max(0, record.parameters.get("epochs", 0) * (session.batches or 0) - saved),
    )


def batches_at(where: Session | SessionEnd | Position, session: Session) -> int:
    """Return how many batches of the whole training lie before a position."""
    return where.epoch * (session.batches or 0) + where.batch


def have_trained(experience: Experience, record: Record, since: int = 0) -> bool:
    """Tell whether any session, from number ``since`` on, has trained a batch, as far as its end or heartbeat says."""
    ends = session_ends(record, last_heartbeat(experience, record))
    return any(
        (end.epoch, end.batch) > (session.epoch, session.batch)
        for session, end in list(zip(record.sessions, ends, strict=True))[since:]
    )


def session_ends(record: Record, heartbeat: Heartbeat | None) -> list[SessionEnd]:
    """Return where each session ended; where the last one did not say so, where its last heartbeat was.

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

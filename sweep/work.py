"""What a sweep has cost so far, and what its cuts have: seconds and batches, from the sessions in the folders."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sweep import resume
from sweep.experience import Experience
from sweep.lease import shown_state
from sweep.pulse import Pulse, read_pulse
from sweep.record import Record, State


@dataclass(frozen=True)
class Work:
    """Seconds and batches of training. What came after a session's last sign of life, at most seconds, is in none of them.

    ``prepared_s`` is the time before the first batches of the sessions; ``twice_s`` and ``twice_batches`` are what was
    trained again after cuts; ``at_risk_s`` and ``at_risk_batches`` are in no backup: a cut would lose them, or has.
    ``left_batches`` are those of the begun trainings that are still to be trained.
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

    def __add__(self, other: "Work") -> "Work":
        return Work(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def work_of(folders: Iterable[tuple[Experience, Record]]) -> Work:
    """Return the work in these experiences together."""
    total = Work()
    for experience, record in folders:
        total += _work_of_one(experience, record)
    return total


def _work_of_one(experience: Experience, record: Record) -> Work:
    state, pulse = shown_state(experience, record), read_pulse(experience.pulse)
    if pulse and pulse.session != len(record.sessions) - 1:
        pulse = None  # of a session before
    total = Work(sessions=len(record.sessions))
    for number, session in enumerate(record.sessions):
        is_last = number + 1 == len(record.sessions)
        end = session.get("ended") or (vars(pulse) if is_last and pulse else {**session, "trained_s": 0.0})
        begun, reached = _batches(session, session), _batches(end, session)
        following = None if is_last else _batches(record.sessions[number + 1], session)
        twice = max(0, reached - following) if following is not None else 0
        batches = max(0, reached - begun)
        total += Work(
            cuts=end.get("how", "cut" if state is State.CUT_OFF else "") == "cut",
            trained_s=end["trained_s"],
            prepared_s=end.get("prepared_s", 0.0),
            batches=batches,
            twice_batches=twice,
            twice_s=end["trained_s"] * twice / batches if batches else 0.0,
        )
        if is_last and state in (State.RUNNING, State.CUT_OFF):
            total += _open_end(experience, record, pulse, session, reached)
    return total


def _open_end(experience: Experience, record: Record, pulse: Pulse | None, session: dict[str, Any], reached: int) -> Work:
    """Return what of a training that has not ended is in no backup, and what is left of it."""
    position = resume.newest_position(experience.sauvegarde)
    saved = _batches({"epoch": position.epoch, "batch": position.batch}, session) if position else 0
    return Work(
        at_risk_s=pulse.unsaved_s if pulse else 0.0,
        at_risk_batches=max(0, reached - saved),
        left_batches=max(0, record.parameters.get("epochs", 0) * session.get("batches", 0) - saved),
    )


def _batches(where: dict[str, Any], session: dict[str, Any]) -> int:
    """Return how many batches of the whole training lie before a position."""
    return int(where["epoch"] * session.get("batches", 0) + where["batch"])
